// A person's judgement on a picture and a reference.
import { json, request } from "../api.js";
import { announce, h, newId } from "../dom.js";
import { failureOf, notice } from "../failures.js";
import { t } from "../texts.js";

/** The question, or what was decided with a way back; nothing where this may not be decided. */
export function decide(one, match, stats, redraw) {
  if (!stats.writable || !one.file) return null;
  const made = one.decided[match.id];
  return made ? decided(one, match, made, redraw) : question(one, match, redraw);
}

function question(one, match, redraw) {
  const id = newId("note");
  const note = h("input", { id, maxlength: 2000, "data-key": "note", value: one.draft ?? "", oninput: (event) => { one.draft = event.target.value; } });
  const told = h("div");
  const give = (decision) => async () => {
    try {
      const fields = { image: one.file, reference: match.id, decision, note: note.value.trim() };
      one.decided[match.id] = await json("/v1/decisions", { method: "POST", fields });
      one.draft = "";
      announce(t(`decide.done.${decision}`));
      redraw();
    } catch (error) {
      told.replaceChildren(notice(failureOf(error)));
    }
  };
  return h("fieldset.decide", {},
    h("legend", {}, t("decide.question")),
    h("label.quiet", { for: id }, t("decide.note")), note,
    h("div.row", {},
      h("button.main", { onclick: give("yes"), "data-key": "decide" }, t("decide.yes")),
      h("button", { onclick: give("no"), "data-key": "decide" }, t("decide.no"))),
    told);
}

function decided(one, match, made, redraw) {
  const told = h("div");
  const undo = async () => {
    try {
      await undoDecision(made);
      delete one.decided[match.id];
      announce(t("decide.undone"));
      redraw();
    } catch (error) {
      told.replaceChildren(notice(failureOf(error)));
    }
  };
  return h("div.decide.done", {},
    h("p", {}, h("strong", {}, t(`decide.done.${made.decision}`)), made.note && ` ${made.note}`),
    h("button", { onclick: undo, "data-key": "decide" }, t("decide.undo")), told);
}

/** Take a decision back. */
export async function undoDecision({ query_sha256, reference_sha256 }) {
  const query = new URLSearchParams({ query_sha256, reference_sha256 });
  await request(`/v1/decisions?${query}`, { method: "DELETE" });
}
