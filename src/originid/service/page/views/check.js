// The first view: pictures are given, and their answers appear below.
import { announce, h, newId } from "../dom.js";
import { asks, ask, forget, onChange } from "../queue.js";
import { size, t } from "../texts.js";
import { card, update } from "./card.js";
import { fileField } from "./file_field.js";
import { headline } from "../words.js";

export const name = "check";
const cards = new Map(); // of what is shown now, by what was asked
const how = { false_matches: "balanced", effort: "normal", limit: Infinity };
let stats = null;
let parts = null; // of the view: hint, summary, list
let stop = () => {};

/** Draw the view. */
export async function show(view, { shared }) {
  stats = shared.stats;
  how.limit = stats.limits.bytes;
  parts = { hint: h("div"), summary: h("div.summary"), list: h("ol.cards", { "aria-label": t("check.results") }) };
  view.append(
    h("div.intro", {},
      h("h1", { tabindex: "-1" }, t("check.title")),
      h("p.lead", {}, t("check.lead", { n: stats.references }))),
    stats.references ? "" : h("div.notice", {}, h("p", {}, t("check.empty"), " ",
      stats.writable && h("a", { href: "#/collection?add" }, t("check.empty.add")))),
    fileField({ many: true, label: t("check.choose"), text: t("check.drop", { size: size(stats.limits.bytes) }), onfiles: receive }),
    parts.hint,
    h("p.quiet.privacy", {}, t("check.privacy")),
    options(),
    parts.summary,
    parts.list,
  );
  stop();
  stop = onChange(changed);
  drawList();
}

/** Ask about files; the view may not be shown yet. */
export function receive(files) {
  hint("");
  start(files.map((file) => ({ file, name: file.name })));
  return true;
}

/** Tell something below the field for pictures. */
export function hint(text) {
  parts?.hint.replaceChildren(text && h("p.notice", {}, text));
}

/** Ask about pictures of any kind, and show them. */
export function start(given) {
  ask(given, { ...how });
  announce(t("check.asked", { n: given.length }));
  if (parts) drawList();
}

function drawList() {
  cards.clear();
  for (const one of asks) cards.set(one, card(one, stats, () => remove([one])));
  parts.list.replaceChildren(...cards.values());
  parts.hint.closest(".view").classList.toggle("busy", asks.length > 0);
  drawSummary();
}

function changed(one) {
  if (!parts?.list.isConnected || !cards.has(one)) return;
  update(cards.get(one), one, stats, () => remove([one]));
  drawSummary();
  if (one.state === "answered") announce(`${one.name}: ${headline(one.answer)}`);
  if (one.state === "failed") announce(`${one.name}: ${t("card.failed")}`);
}

function remove(gone) {
  const place = asks.indexOf(gone[0]);
  forget(gone);
  drawList();
  const next = parts.list.children[Math.min(place, asks.length - 1)];
  (next?.querySelector("button") ?? document.querySelector(".drop button")).focus();
}

function drawSummary() {
  if (asks.length < 2) return parts.summary.replaceChildren();
  const count = (test) => asks.filter(test).length;
  const counts = ["origin", "uncertain", "none"].map((verdict) => [verdict, count((each) => each.answer?.verdict === verdict)]);
  const left = count((each) => each.state === "waiting" || each.state === "asking");
  parts.summary.replaceChildren(
    h("h2", {}, t("check.summary", { n: asks.length })),
    h("p", {}, [...counts, ["failed", count((each) => each.state === "failed")], ["left", left]]
      .filter(([, n]) => n).map(([key, n]) => t(`summary.${key}`, { n })).join(" · ")),
    h("button", { onclick: () => remove([...asks]) }, t("check.clear")));
  return undefined;
}

function options() {
  const choice = (key, values) => {
    const id = newId(key);
    return h("div", {}, h("label", { for: id }, t(`option.${key}`)),
      h("select", { id, onchange: (event) => { how[key] = event.target.value; } }, values.map((value) =>
        h("option", { value, selected: how[key] === value }, t(`option.${key}.${value}`)))));
  };
  return h("details.options", {}, h("summary", {}, t("check.more")),
    h("div.fields", {},
      choice("false_matches", ["strict", "balanced", "wide"]),
      choice("effort", ["quick", "normal", "thorough"]),
      asking("fingerprint", (text) => start([{ fingerprint: text, name: t("card.fingerprint") }])),
      stats.urls && asking("address", (text) => start([{ address: text, name: text }]))));
}

function asking(key, give) {
  const id = newId(key);
  const field = h(key === "address" ? "input" : "textarea", { id, rows: 2, required: true, spellcheck: "false", "aria-describedby": `${id}-text` });
  const submit = (event) => { event.preventDefault(); give(field.value.trim()); field.value = ""; };
  return h("form.wide", { onsubmit: submit },
    h("label", { for: id }, t(`ask.${key}`)), h("p.quiet", { id: `${id}-text` }, t(`ask.${key}.text`)),
    h("div.row", {}, field, h("button", {}, t("ask.go"))));
}
