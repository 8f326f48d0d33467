// What is known of a reference: its name, and what its holder says of it.
import { h } from "../dom.js";
import { t } from "../texts.js";
import { nameOf, view } from "../words.js";

/**
 * The facts as a list.
 * @param {string} reference its path
 * @param {object|null} description caption, credit, licence, date and link
 * @param {object} [match] how a picture lies in it
 */
export function facts(reference, description, match) {
  const rows = [];
  for (const key of ["credit", "licence", "date"]) {
    if (description?.[key]) rows.push([t(`fact.${key}`), description[key]]);
  }
  if (description?.link) rows.push([t("fact.link"), link(description.link)]);
  if (match && view(match.view)) rows.push([t("fact.view"), view(match.view)]);
  if (match?.box) rows.push([t("fact.box"), t("fact.box.text")]);
  return h("div.facts", {},
    h("p.name", { title: reference }, nameOf(reference)),
    description?.caption && h("p.caption", {}, description.caption),
    rows.length > 0 && h("dl", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
}

/** A link only where it leads to the web: what a collection says is written by others. */
function link(text) {
  if (!/^https?:\/\//i.test(text)) return text;
  const shown = text.replace(/^https?:\/\//i, "");
  return h("a", { href: text, target: "_blank", rel: "noopener noreferrer" }, shown, h("span.unseen", {}, ` (${t("fact.window")})`));
}
