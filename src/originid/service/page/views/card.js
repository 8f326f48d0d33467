// The card of one picture: its verdict, and when it is opened the evidence and what can be done.
import { h, ICONS, icon, newId } from "../dom.js";
import { notice } from "../failures.js";
import { picture, preview } from "../images.js";
import { again } from "../queue.js";
import { number, size, t } from "../texts.js";
import { headline, nameOf, rate, score, why } from "../words.js";
import { actions } from "./actions.js";
import { decide } from "./decide.js";
import { evidence } from "./evidence.js";
import { facts } from "./facts.js";

/** The card of a picture; onremove is called when the person puts it away. */
export function card(one, stats, onremove) {
  const item = h("li.card");
  update(item, one, stats, onremove);
  return item;
}

/** Draw a card anew. */
export function update(item, one, stats, onremove) {
  const focused = item.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  item.dataset.state = one.state;
  item.dataset.verdict = isRejected(one) ? "none" : one.answer?.verdict ?? "";
  const redraw = () => update(item, one, stats, onremove);
  const body = newId("body");
  item.replaceChildren(head(one, body, redraw, onremove), ...content(one, stats, body, redraw));
  if (focused) item.querySelector(`[data-key="${focused}"]`)?.focus();
}

function head(one, body, redraw, onremove) {
  const toggle = () => { one.open = !one.open; if (!one.open) one.evidence = null; redraw(); };
  const small = one.reference ? picture(`/v1/references/${one.reference}/thumbnail`) : preview(one.preview ?? one.evidence?.pictures.query);
  return h("div.head", {}, small,
    h("div.told", {},
      h("p.query", {}, one.name),
      verdict(one),
      one.answer && h("p.why", {}, isRejected(one) ? t("reason.rejected_now") : why(one.answer)),
      one.answer?.note && h("p.quiet", {}, t("card.note"), " ", h("span", { lang: "en" }, one.answer.note))),
    h("div.ends", {},
      one.state === "answered" && h("button.plain", { "aria-expanded": String(one.open), "aria-controls": one.open && body, onclick: toggle, "data-key": "toggle" },
        t(one.open ? "card.close" : "card.open"), h("span.unseen", {}, ` ${one.name}`)),
      h("button.plain", { onclick: onremove, "data-key": "remove" }, t("card.remove"), h("span.unseen", {}, ` ${one.name}`))));
}

/** Whether the match that the verdict is about was rejected since. */
function isRejected(one) {
  return one.decided?.[one.answer?.matches[0]?.id]?.decision === "no";
}

function verdict(one) {
  if (one.state === "failed") return h("h2.verdict", {}, icon(ICONS.error, "sign"), t("card.failed"));
  if (one.state !== "answered") {
    const text = one.wait ? t("card.wait", { n: one.wait }) : t(`card.${one.state}`);
    return h("h2.verdict.working", {}, h("span.spinner", { "aria-hidden": "true" }), text);
  }
  if (isRejected(one)) return h("h2.verdict", {}, icon(ICONS.none, "sign"), t("verdict.rejected"));
  return h("h2.verdict", {}, icon(ICONS[one.answer.verdict], "sign"), headline(one.answer));
}

function content(one, stats, body, redraw) {
  if (one.state === "failed") {
    const limit = size(stats.limits.bytes);
    return [notice(one.failure, () => again(one), { limit, pixels: stats.limits.pixels / 1e6 })];
  }
  if (one.state !== "answered" || !one.open) return [];
  const match = one.answer.matches.find((each) => each.id === one.shown);
  const choose = (id) => { one.shown = id; one.evidence = null; redraw(); };
  return [h("div.body", { id: body },
    match && looked(one, match, stats, redraw),
    candidates(one, choose))];
}

/** The match that is looked at, beside the picture. */
function looked(one, match, stats, redraw) {
  const none = one.answer.verdict === "none";
  const first = match.id === one.answer.matches[0].id;
  const other = first && !none ? "match.first" : none ? "match.nearest" : "match.candidate";
  return h("section.looked", { "aria-label": t(other) },
    h("div.proof", {}, evidence(one, match)),
    h("div.side", {},
      h("h3", {}, t(other)),
      facts(match.reference, match.description, match),
      h("p.score", {}, h("strong", {}, score(match.score)), first && !none && one.answer.matches[1] &&
        h("span.quiet", {}, ` · ${t("score.next", { score: number(one.answer.matches[1].score, { maximumFractionDigits: 2 }) })}`)),
      !(first && !none) && h("p.quiet", {}, rate(match.false_match_rate)),
      match.copies.length > 0 && h("p.quiet", {}, t("match.copies", { n: match.copies.length, names: match.copies.slice(0, 3).map(nameOf).join(", ") })),
      !match.exists && h("p.quiet", {}, t("match.gone")),
      decide(one, match, stats, redraw),
      actions(one, match)));
}

function candidates(one, choose) {
  const none = one.answer.verdict === "none";
  const others = one.answer.matches;
  if (!others.length || (others.length === 1 && !none)) return null;
  const text = t(none ? "candidates.nearest" : "candidates.next");
  return h("section.others", { "aria-label": text },
    h("h3", {}, text), none && h("p.quiet", {}, t("candidates.nearest.text")),
    h("ol.thumbs", {}, others.map((match) => h("li", {},
      h("button.thumb", { onclick: () => choose(match.id), "aria-pressed": String(match.id === one.shown), "data-key": `match-${match.id}`, title: match.reference },
        picture(match.thumbnail),
        h("span.name", {}, nameOf(match.reference)), h("span.quiet", {}, score(match.score)))))));
}
