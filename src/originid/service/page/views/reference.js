// One reference: its picture, large, and all that is stored of it. Its address can be mailed.
import { ApiFailure, json, request } from "../api.js";
import { announce, h } from "../dom.js";
import { failureOf, notice } from "../failures.js";
import { picture } from "../images.js";
import { moment, number, size, t } from "../texts.js";
import { copyButton } from "./actions.js";
import { start } from "./check.js";
import { facts } from "./facts.js";

export const name = "collection";

/** Draw the view of the reference whose number the address has. */
export async function show(view, { shared, rest }) {
  const back = h("p", {}, h("a", { href: "#/collection" }, t("reference.back")));
  let one;
  try {
    if (!/^\d+$/.test(rest[0] ?? "")) throw new ApiFailure("not_found");
    one = await json(`/v1/references/${rest[0]}`);
  } catch (error) {
    view.append(back, h("h1", { tabindex: "-1" }, t("reference.missing")), notice(failureOf(error)));
    return;
  }
  const find = () => {
    start([{ reference: one.id, name: one.name }]);
    location.hash = "#/";
  };
  view.append(back,
    h("article.whole", {},
      h("figure", {}, picture(`/v1/references/${one.id}/picture`, one.description?.caption || one.name)),
      h("div.side", {},
        h("h1.name", { tabindex: "-1" }, one.name),
        facts(one.reference, one.description),
        h("dl.quiet", {}, [
          ["size", one.width && `${number(one.width)} × ${number(one.height)}, ${size(one.bytes)}`],
          ["added", moment(one.added_at)], ["path", one.reference], ["sha256", one.sha256],
        ].filter(([, value]) => value).map(([key, value]) => [h("dt", {}, t(`reference.${key}`)), h("dd.long", {}, value)])),
        !one.exists && h("p.notice", {}, t("match.gone")),
        h("div.actions", {}, h("button", { onclick: find }, t("reference.find")), copyButton(one.id)),
        shared.stats.role === "admin" && shared.stats.writable && removal(one, shared))));
}

/** The way to remove a reference, in two steps. */
function removal(one, shared) {
  const told = h("div");
  const remove = async () => {
    try {
      await request(`/v1/references/${one.id}`, { method: "DELETE" });
      shared.done = t("reference.removed", { name: one.name });
      announce(shared.done);
      await shared.refresh().catch(() => {});
      location.hash = "#/collection";
    } catch (error) {
      told.replaceChildren(notice(failureOf(error)));
    }
  };
  const sure = h("button", { onclick: remove }, t("reference.remove.sure"));
  return h("details.options", {}, h("summary", {}, t("reference.remove")), h("p.quiet", {}, t("reference.remove.text")), sure, told);
}
