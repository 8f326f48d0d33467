// The frame of the page: its parts, the addresses in it (#/...), files that are dropped or pasted.
import { askTokenBy, json } from "./api.js";
import { announce, h } from "./dom.js";
import { draw as drawFrame } from "./frame.js";
import { askToken } from "./token.js";
import { loadTexts, t } from "./texts.js";
import { failureOf, notice } from "./failures.js";
import * as check from "./views/check.js";
import * as collection from "./views/collection.js";
import * as decisions from "./views/decisions.js";
import * as reference from "./views/reference.js";

const VIEWS = { "": check, collection, reference, decisions };
// stats: what the service says of itself, null until it has answered.
// done: what a view did before it led to the next one, which shows it; null for nothing.
const shared = { stats: null, done: null, refresh };
let current = check;

/** Take the numbers of the service again, such as after pictures were added. */
async function refresh() {
  shared.stats = await json("/v1/stats");
  drawFrame(shared.stats, current.name, redraw);
  return shared.stats;
}

/** Draw everything anew, such as in another language. */
function redraw() {
  drawFrame(shared.stats, current.name, redraw);
  return show();
}

/** Show the view that the address names. */
async function show(focus = false) {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  current = VIEWS[name] ?? check;
  drawFrame(shared.stats, current.name, redraw);
  const main = document.getElementById("main");
  const view = h("div.view");
  main.replaceChildren(view);
  try {
    if (!shared.stats) await refresh();
    await current.show(view, { shared, rest, query: new URLSearchParams(query) });
  } catch (error) {
    view.append(notice(failureOf(error), () => show(true)));
  }
  const heading = view.querySelector("h1");
  document.title = heading ? `${heading.textContent} · originid` : "originid";
  if (focus) (heading ?? main).focus();
}

/** Give files to the view that is shown, or to that which checks pictures. */
async function receive(files) {
  if (!files.length) return;
  if (current.receive?.(files)) return;
  if (current !== check) {
    location.hash = "#/";
    await new Promise((resolve) => window.addEventListener("hashchange", resolve, { once: true }));
  }
  check.receive(files);
}

function filesOf(transfer) {
  return [...(transfer?.files ?? [])];
}

function listen() {
  let depth = 0; // of the elements that a dragged file is over
  const over = (on) => document.body.classList.toggle("dropping", on);
  document.addEventListener("dragenter", (event) => {
    if (event.dataTransfer?.types.includes("Files")) over(++depth > 0);
  });
  document.addEventListener("dragleave", () => over((depth = Math.max(0, depth - 1)) > 0));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over((depth = 0) > 0);
    const files = filesOf(event.dataTransfer);
    if (files.length) receive(files);
    else announce(t("drop.nothing"));
  });
  document.addEventListener("paste", (event) => {
    const files = filesOf(event.clipboardData);
    const writing = event.target.closest?.("input, textarea");
    if (files.length) {
      event.preventDefault();
      receive(files);
    } else if (!writing) {
      announce(t("paste.nothing"));
      check.hint?.(t("paste.nothing"));
    }
  });
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address belongs to the views
    document.getElementById("main").focus();
  });
  window.addEventListener("hashchange", () => show(true));
}

await loadTexts();
askTokenBy(askToken);
listen();
await show();
