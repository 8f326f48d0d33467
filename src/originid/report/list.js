// The list of cases: choosing, ordering, moving and printing; sheet.js comes before it.

const PAGE = 50; // cases in the document at once
const CASES = ["case", "cases"];
const ORDER = ["origin", "uncertain", "none", "unreadable"];
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
    find(".found", item).append(row.verdict === "none" ? WORDS.nearest : WORDS.best,
      made("bdi", "", row.reference));
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
  if (open) item.append(makeSheet(rows[item.dataset.number - 1]));
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
