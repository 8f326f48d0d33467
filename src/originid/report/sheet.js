// The sheet of a case, and what the whole page uses; list.js comes behind it in the same script.
// Every text comes from files of strangers: it is only ever set as text.
"use strict";

const WORDS = {
  all: "All",
  origin: "Origin",
  uncertain: "Uncertain",
  none: "None",
  unreadable: "Unreadable",
  empty: "No query matches. Clear the search, or choose another verdict.",
  best: "Best match: ",
  nearest: "Nearest: ",
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

/** What a case shows when it is opened. */
function makeSheet(row) {
  const number = row.number;
  const sheet = find("#sheet").content.firstElementChild.cloneNode(true);
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
