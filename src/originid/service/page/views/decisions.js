// The decisions made so far, the newest first, each with a way back.
import { json } from "../api.js";
import { announce, h, ICONS, icon } from "../dom.js";
import { failureOf, notice } from "../failures.js";
import { moment, t } from "../texts.js";
import { nameOf } from "../words.js";
import { undoDecision } from "./decide.js";

export const name = "decisions";
const AT_ONCE = 100; // rows that are added to the list together

/** Draw the view. */
export async function show(view, { shared }) {
  const { decisions } = await json("/v1/decisions");
  decisions.reverse();
  const list = h("ol.decisions", { "aria-label": t("decisions.name") });
  const told = h("div");
  const more = h("button", { onclick: () => add() }, t("more"));
  const add = () => {
    const from = list.children.length;
    list.append(...decisions.slice(from, from + AT_ONCE).map((each) => row(each, shared.stats, told)));
    more.hidden = list.children.length >= decisions.length;
  };
  add();
  view.append(h("div.intro", {}, h("h1", { tabindex: "-1" }, t("decisions.title")), h("p.lead", {}, t(decisions.length ? "decisions.lead" : "decisions.none"))), told, list, more);
}

function row(one, stats, told) {
  const undo = async () => {
    try {
      await undoDecision(one);
      const next = item.nextElementSibling ?? item.previousElementSibling;
      item.remove();
      announce(t("decide.undone"));
      (next?.querySelector("button") ?? document.querySelector("h1")).focus();
    } catch (error) {
      told.replaceChildren(notice(failureOf(error)));
    }
  };
  const item = h("li", { "data-decision": one.decision },
    icon(one.decision === "yes" ? ICONS.origin : ICONS.none, "sign"),
    h("div", {},
      h("p", {}, h("strong.name", {}, one.query), ` ${t(`decisions.${one.decision}`)} `,
        h("strong.name", { title: one.reference }, one.reference ? nameOf(one.reference) : t("decisions.gone"))),
      one.note && h("p.note", {}, one.note),
      h("p.quiet", {}, h("time", { datetime: one.decided_at }, moment(one.decided_at)))),
    stats.writable && h("button", { onclick: undo }, t("decide.undo"), h("span.unseen", {}, ` ${one.query}`)));
  return item;
}
