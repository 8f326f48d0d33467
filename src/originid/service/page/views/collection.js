// The collection: looked through page by page, searched by name and caption, added to.
import { json } from "../api.js";
import { announce, h, newId } from "../dom.js";
import { failureOf, notice } from "../failures.js";
import { picture } from "../images.js";
import { number, t } from "../texts.js";
import { adding, receiveAdding } from "./adding.js";

export const name = "collection";
const PAGE = 60; // references of a page
const PAUSE = 250; // milliseconds after the last key, before it is searched
let trail = []; // the numbers after which the pages before this one began
let text = ""; // that the trail belongs to

/** Files that are dropped here are added, where the panel for that is open. */
export const receive = (files) => receiveAdding(files);

/** Draw the page that the address names: q, the text; after, the number before its first. */
export async function show(view, { shared, query }) {
  const results = h("div.results", { "aria-live": "off" });
  const field = newId("search");
  let timer;
  const search = (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => turn(event.target.value.trim(), 0, []), PAUSE);
  };
  const turn = (q, after, before) => {
    trail = before;
    text = q;
    const address = new URLSearchParams({ ...(q && { q }), ...(after && { after }) }).toString();
    // The field keeps the focus: the view is not drawn anew.
    history.replaceState(null, "", `#/collection${address && `?${address}`}`);
    return draw(results, q, after, turn);
  };
  const q = query.get("q") ?? "";
  const after = Number(query.get("after")) || 0;
  if (q !== text || !after) trail = [];
  text = q;
  const { done } = shared;
  shared.done = null; // It is shown once.
  view.append(
    h("div.intro", {}, h("h1", { tabindex: "-1" }, t("collection.title")),
      h("p.lead", {}, t("collection.lead", { n: shared.stats.references }))),
    done ? h("p.notice", {}, done) : "",
    h("search.row.searching", {}, h("label.unseen", { for: field }, t("collection.search")),
      h("input", { id: field, type: "search", value: q, placeholder: t("collection.search"), oninput: search, maxlength: 200 })),
    adding(shared, query.has("add"), () => turn(text, 0, [])) ?? "",
    results);
  await draw(results, q, after, turn);
}

let newest = 0; // an answer that is overtaken by a later question is not shown

async function draw(results, q, after, turn) {
  const mine = ++newest;
  results.setAttribute("aria-busy", "true");
  let found;
  try {
    found = await json(`/v1/references?${new URLSearchParams({ ...(q && { q }), after, limit: PAGE })}`);
  } catch (error) {
    if (mine !== newest) return;
    results.removeAttribute("aria-busy");
    results.replaceChildren(notice(failureOf(error), () => turn(q, after, trail)));
    return;
  }
  if (mine !== newest) return;
  results.removeAttribute("aria-busy");
  const told = found.references.length ? counted(found, q, after) : t(q ? "collection.nothing" : "collection.empty", { q });
  announce(told);
  const go = (to, before) => async () => {
    await turn(q, to, before);
    results.querySelector("a")?.focus();
    results.scrollIntoView({ block: "start" });
  };
  results.replaceChildren(
    h("p.quiet", {}, told),
    h("ul.thumbs.grid", {}, found.references.map(tile)),
    h("nav.pages", { "aria-label": t("collection.pages") },
      after > 0 && h("button", { onclick: go(trail.at(-1) ?? 0, trail.slice(0, -1)) }, t(trail.length ? "collection.previous" : "collection.first")),
      found.next !== null && h("button", { onclick: go(found.next, [...trail, after]) }, t("collection.following"))));
}

function counted(found, q, after) {
  const n = found.references.length;
  if (q) return t(found.next === null && !after ? "collection.found" : "collection.found.page", { n, q });
  const start = trail.length * PAGE;
  return after && !trail.length ? t("collection.shown", { n }) : t("collection.range", { from: start + 1, to: start + n, total: number(found.total) });
}

function tile(one) {
  return h("li", {}, h("a.thumb", { href: `#/reference/${one.id}`, title: one.reference },
    picture(one.thumbnail), h("span.name", {}, one.name),
    one.description?.caption && h("span.quiet.caption", {}, one.description.caption)));
}
