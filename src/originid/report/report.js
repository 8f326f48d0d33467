// The list of a report. Every text comes from files of strangers: it is only ever set as text.
"use strict";

const PAGE = 50; // cases in the document at once
const CASES = ["case", "cases"];
const WORDS = {
  all: "All",
  origin: "Origin",
  uncertain: "Uncertain",
  none: "None",
  unreadable: "Unreadable",
  empty: "No query matches. Clear the search, or choose another verdict.",
  best: "Best match: ",
  strangers: "strangers scores as high",
  noStranger: "stranger is expected to score as high",
  score: "score ",
  query: "Query",
  reference: "Reference",
  aligned: "The query, laid over the reference",
  outline: "The frame is the place where the query lies.",
  part: "The frame is the part that was compared.",
  checkers: "Tiles of the query and of the reference in turn. What goes on from tile to tile is in "
    + "both.",
  heat: "Blue: alike in coarse shapes and colours. Orange: no more alike than strangers. Grey: not "
    + "compared. Small changes do not show here.",
  slider: "Left of the line is the query, right of it the reference. Drag, or use the arrow keys.",
  share: "Share of the query, in percent",
  leftOut: "To keep this file small, the large pictures of this case are left out. "
    + "originid explain makes them.",
  gone: "The file of the reference was gone.",
  absent: "no picture",
};
const ORDER = ["origin", "uncertain", "none", "unreadable"];
const SVG = "http://www.w3.org/2000/svg";

const find = (selector, inside = document) => inside.querySelector(selector);
const read = (id) => {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
};

/** A new element with a class and a text. */
function made(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}

function picture(data, text) {
  const image = made("img");
  image.alt = text;
  image.decoding = "async";
  image.src = `data:image/webp;base64,${data}`;
  return image;
}

const about = read("about");
const rows = [...document.querySelectorAll('script[id^="row"]')].map((each) => {
  const row = JSON.parse(each.textContent);
  row.sought = `${row.name}\n${row.reference}\n${row.sentence}`.normalize("NFKC").toLowerCase();
  return row;
});
const collator = new Intl.Collator(undefined, { numeric: true });
const last = (value, otherwise) => (value === null ? otherwise : value);
const SORTS = {
  asked: (a, b) => a.number - b.number,
  name: (a, b) => collator.compare(a.name, b.name),
  score: (a, b) => last(b.score, -2) - last(a.score, -2),
  rate: (a, b) => last(a.rate, 2) - last(b.rate, 2) || last(b.score, -2) - last(a.score, -2),
  verdict: (a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict),
};
const list = find("#list");
const search = find("#search");
const sort = find("#sort");
const state = { verdict: "all", page: 0, shown: rows };
// Small pictures are decoded when they are about to be seen.
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      seen.unobserve(entry.target);
      fill(entry.target.closest(".case"));
    }
  }
}, { rootMargin: "400px" });

function fill(item) {
  const thumbs = item.querySelectorAll(".thumb");
  if (thumbs[0].childElementCount) return;
  const pictures = read(`small${item.dataset.number}`) || {};
  for (const [index, name] of ["query", "reference"].entries()) {
    const data = pictures[name];
    thumbs[index].append(data ? picture(data, "") : made("span", "absent", WORDS.absent));
  }
}

function makeCase(row) {
  const item = find("#case").content.firstElementChild.cloneNode(true);
  item.id = `q${row.number}`;
  item.dataset.number = row.number;
  const base = row.name.lastIndexOf("/") + 1;
  const name = find(".name", item);
  name.append(made("span", "", row.name.slice(0, base)), row.name.slice(base));
  const verdict = find(".verdict", item);
  verdict.textContent = WORDS[row.verdict];
  verdict.dataset.verdict = row.verdict;
  find(".sentence", item).textContent = row.sentence;
  if (row.reference) {
    find(".found", item).append(WORDS.best, made("bdi", "", row.reference));
    find(".score", item).textContent = WORDS.score + row.score.toFixed(3);
  }
  if (row.often) {
    const what = row.often.startsWith("1 ") ? WORDS.strangers : WORDS.noStranger;
    find(".often", item).append(row.often, made("span", "unseen", ` ${what}, `));
  }
  find(".head", item).addEventListener("click", () => toggle(item));
  seen.observe(find(".pair", item));
  return item;
}

/** Choose, order and show the cases, the page of a number first. */
function show(page = 0) {
  const words = search.value.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
  state.shown = rows
    .filter((row) => state.verdict === "all" || row.verdict === state.verdict)
    .filter((row) => words.every((word) => row.sought.includes(word)))
    .sort((a, b) => SORTS[sort.value](a, b) || a.number - b.number);
  const pages = Math.max(1, Math.ceil(state.shown.length / PAGE));
  state.page = Math.min(Math.max(page, 0), pages - 1);
  const first = state.page * PAGE;
  seen.disconnect();
  list.replaceChildren(...state.shown.slice(first, first + PAGE).map(makeCase));
  list.start = first + 1;
  const count = state.shown.length.toLocaleString("en");
  find("#status").textContent = state.shown.length
    ? `${count} of ${rows.length.toLocaleString("en")} ${CASES[Number(rows.length !== 1)]}`
    : WORDS.empty;
  const nav = find(".pages");
  nav.hidden = pages === 1;
  find("span", nav).textContent = `Page ${state.page + 1} of ${pages}`;
  for (const button of nav.querySelectorAll("button")) {
    const to = state.page + Number(button.dataset.step);
    button.disabled = to < 0 || to >= pages;
  }
  for (const button of document.querySelectorAll(".filters button")) {
    button.setAttribute("aria-pressed", String(button.dataset.verdict === state.verdict));
  }
}

function toggle(item, open = !find(".sheet", item)) {
  const head = find(".head", item);
  head.setAttribute("aria-expanded", String(open));
  find(".sheet", item)?.remove();
  if (open) item.append(makeSheet(item.dataset.number));
}

function makeSheet(number) {
  const sheet = find("#sheet").content.firstElementChild.cloneNode(true);
  const row = rows[number - 1];
  const held = read(`sheet${number}`);
  sheet.setAttribute("aria-label", row.name);
  const explained = find(".explained", sheet);
  explained.textContent = held.evidence ? held.evidence.sentence : "";
  explained.hidden = !held.evidence;
  const large = read(`large${number}`);
  if (large) {
    fillStage(sheet, held, large, number);
  } else {
    find(".modes", sheet).remove();
    find(".stage", sheet).remove();
    if (held.pictures === "left out") explained.append(` ${WORDS.leftOut}`);
    if (!held.evidence) find(".evidence", sheet).remove();
  }
  find(".facts", sheet).append(...factsOf(row, held));
  find(".run", sheet).append(...find(".asked .facts").cloneNode(true).children);
  find(".link", sheet).href = `#q${number}`;
  find(".print", sheet).addEventListener("click", () => printCase(number));
  return sheet;
}

function fillStage(sheet, held, large, number) {
  const stage = find(".stage", sheet);
  const { outline, part } = held.evidence;
  const corners = part && [[part[0], part[1]], [part[2], part[1]], [part[2], part[3]],
    [part[0], part[3]]];
  const range = made("input");
  Object.assign(range, { type: "range", min: 0, max: 100, value: 50 });
  range.setAttribute("aria-label", WORDS.share);
  const slider = panel("slider", "", WORDS.slider, picture(large.reference_large, WORDS.reference),
    picture(large.aligned, WORDS.aligned), made("span", "line"), range);
  range.addEventListener("input", () => slider.style.setProperty("--at", `${range.value}%`));
  stage.append(
    panel("beside", WORDS.query, part ? WORDS.part : "",
      picture(large.query_large, WORDS.query), frame(corners)),
    panel("beside", WORDS.reference, outline ? WORDS.outline : "",
      picture(large.reference_large, WORDS.reference), frame(outline)),
    slider,
    panel("checkers", "", WORDS.checkers, picture(large.reference_large, WORDS.reference),
      picture(large.aligned, WORDS.aligned)),
  );
  if (large.heat) stage.append(panel("heat", "", WORDS.heat, picture(large.heat, WORDS.heat)));
  for (const radio of sheet.querySelectorAll(".modes input")) {
    radio.name = `mode${number}`;
    if (radio.value === "heat" && !large.heat) radio.parentElement.remove();
    radio.addEventListener("change", () => { stage.dataset.mode = radio.value; });
  }
}

function panel(mode, title, text, ...layers) {
  const figure = made("figure", `panel ${mode}`);
  const layered = made("div", "layers");
  const first = layers[0];
  // A frame over a picture needs a box of just its shape.
  first.addEventListener("load", () => {
    layered.style.setProperty("--shape", first.naturalWidth / first.naturalHeight);
  });
  layered.append(...layers.filter(Boolean));
  const caption = made("figcaption");
  if (title) caption.append(made("b", "", title), " ");
  caption.append(text);
  figure.append(layered, caption);
  return figure;
}

/** A frame through corners in shares of the width and of the height. */
function frame(corners) {
  if (!corners) return null;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const points = corners.map((corner) => corner.map((share) => 100 * share).join(",")).join(" ");
  for (const name of ["casing", "line"]) {
    const polygon = document.createElementNS(SVG, "polygon");
    polygon.setAttribute("points", points);
    polygon.setAttribute("class", name);
    svg.append(polygon);
  }
  return svg;
}

function fact(term, ...contents) {
  const pair = made("div");
  const value = made("dd");
  value.append(...contents);
  pair.append(made("dt", "", term), value);
  return pair;
}

function factsOf(row, held) {
  const found = [];
  if (held.note) found.push(fact("Note", held.note));
  if (held.matches.length) {
    const matches = made("ol", "matches");
    matches.append(...held.matches.map(matchItem));
    found.push(fact(held.matches.length === 1 ? "Match" : "Matches", matches));
  }
  for (const [term, text] of Object.entries(held.described)) {
    found.push(fact(term, linked(text)));
  }
  const credentials = held.credentials;
  const listed = made("ul", "plain");
  for (const [term, value] of [["Title", credentials.title], ["Made with", credentials.generator],
    ["Signed by", credentials.issuer], ["Signed at", credentials.signed_at],
    ["Actions", credentials.actions], ["Source", credentials.sources],
    ["Problems", credentials.problems]]) {
    const text = Array.isArray(value) ? value.join(", ") : value;
    if (text) listed.append(made("li", "", `${term}: ${text}`));
  }
  found.push(fact("Content credentials", credentials.sentence, listed));
  if (held.sha256) found.push(fact("SHA-256 of the query", made("code", "", held.sha256)));
  return found;
}

function matchItem(match) {
  const item = made("li");
  item.append(made("bdi", "", match.reference));
  const told = [`${WORDS.score}${match.score.toFixed(3)}`, match.often,
    match.view === "full" ? "" : match.view, match.exists ? "" : WORDS.gone];
  item.append(made("small", "", told.filter(Boolean).join(" · ")));
  if (match.copies.length) {
    const more = match.more ? ` and ${match.more.toLocaleString("en")} more` : "";
    item.append(made("small", "", `The same picture: ${match.copies.join(", ")}${more}`));
  }
  return item;
}

/** A text, as a link where it is an address. */
function linked(text) {
  if (!/^https?:\/\/\S+$/i.test(text)) return text;
  const link = made("a", "", text);
  Object.assign(link, { href: text, rel: "noreferrer noopener", target: "_blank" });
  return link;
}

/** Print one case alone: the sheet that goes into a file. */
async function printCase(number) {
  const item = document.getElementById(`q${number}`);
  document.body.classList.add("one");
  item.classList.add("printed");
  await ready(item);
  window.print();
}

/** All pictures of an element, decoded. */
function ready(inside) {
  for (const item of inside.matches(".case") ? [inside] : inside.querySelectorAll(".case")) {
    fill(item);
  }
  return Promise.allSettled([...inside.querySelectorAll("img")].map((each) => each.decode()));
}

const asked = find(".asked");
let wasOpen = false;
window.addEventListener("beforeprint", () => {
  wasOpen = asked.open;
  asked.open = true;
  ready(list);
});
window.addEventListener("afterprint", () => {
  asked.open = wasOpen;
  document.body.classList.remove("one");
  find(".printed")?.classList.remove("printed");
});

/** Show the case that the address names, and open it. */
function follow() {
  const number = Number(/^#q(\d+)$/.exec(location.hash)?.[1] || 0);
  const row = rows[number - 1];
  if (!row) return;
  if (!state.shown.includes(row)) {
    state.verdict = "all";
    search.value = "";
    show();
  }
  const page = Math.floor(state.shown.indexOf(row) / PAGE);
  if (page !== state.page || !document.getElementById(`q${number}`)) show(page);
  const item = document.getElementById(`q${number}`);
  toggle(item, true);
  item.scrollIntoView();
  find(".head", item).focus({ preventScroll: true });
}

/** Move the focus to the next case, or the one before; beyond the last to the next page. */
function move(step) {
  const heads = [...list.querySelectorAll(".head")];
  const here = heads.indexOf(document.activeElement?.closest(".case")?.querySelector(".head"));
  const to = here < 0 && step < 0 ? heads.length - 1 : here + step;
  if (to >= 0 && to < heads.length) {
    heads[to].focus();
    return;
  }
  const before = state.page;
  show(state.page + step);
  const moved = list.querySelectorAll(".head");
  const inside = state.page === before ? step < 0 : step > 0;
  moved[inside ? 0 : moved.length - 1]?.focus();
}

function close() {
  const here = document.activeElement?.closest(".case");
  const item = here && find(".sheet", here) ? here : find(".case:has(.sheet)");
  if (!item) return;
  toggle(item, false);
  find(".head", item).focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  if (target === search) {
    if (event.key === "Escape") {
      search.value = "";
      search.blur();
      show();
    } else if (event.key === "Enter" || event.key === "ArrowDown") {
      event.preventDefault();
      find(".head", list)?.focus();
    }
    return;
  }
  const onHead = target.classList?.contains("head");
  const typing = target.matches?.("input, select");
  if (event.key === "Escape") close();
  else if (event.key === "/") search.focus();
  else if ((event.key === "j" && !typing) || (event.key === "ArrowDown" && onHead)) move(1);
  else if ((event.key === "k" && !typing) || (event.key === "ArrowUp" && onHead)) move(-1);
  else return;
  event.preventDefault();
});

for (const verdict of ["all", ...ORDER]) {
  const count = verdict === "all" ? rows.length : about[verdict];
  if (verdict !== "all" && !count) continue;
  const button = made("button", "", WORDS[verdict]);
  button.type = "button";
  button.dataset.verdict = verdict;
  button.append(" ", made("b", "", count.toLocaleString("en")));
  button.addEventListener("click", () => {
    state.verdict = verdict;
    show();
  });
  find(".filters").append(button);
}
for (const button of document.querySelectorAll(".pages button")) {
  button.addEventListener("click", () => {
    show(state.page + Number(button.dataset.step));
    find(".tools").scrollIntoView();
    find(".head", list)?.focus({ preventScroll: true });
  });
}
let waiting = 0;
search.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => show(), 80);
});
sort.addEventListener("change", () => show());
find(".tools").addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("hashchange", follow);
show();
// Behind the browser's own jump to the address, which takes the focus away.
window.addEventListener("load", () => setTimeout(follow));
