// What can be kept of an answer: a link to the reference, and the evidence as a file.
import { announce, h } from "../dom.js";
import { failureOf, notice } from "../failures.js";
import { evidenceFile } from "../queue.js";
import { t } from "../texts.js";
import { nameOf } from "../words.js";

/** The buttons below a match. */
export function actions(one, match) {
  const told = h("div");
  const save = (format) => async (event) => {
    const button = event.currentTarget;
    button.setAttribute("aria-busy", "true");
    try {
      const stem = nameOf(one.name).replace(/\.\w+$/, "");
      download(await evidenceFile(one, match.id, format), `${t("evidence.file")} ${stem}.${format}`);
      told.replaceChildren();
      announce(t("actions.saved"));
    } catch (error) {
      told.replaceChildren(notice(failureOf(error)));
    }
    button.removeAttribute("aria-busy");
  };
  return h("div.actions", {},
    h("a.button", { href: `#/reference/${match.id}` }, t("actions.show")),
    copyButton(match.id),
    one.file && [h("button", { onclick: save("html") }, t("actions.html")), h("button", { onclick: save("json") }, t("actions.json"))],
    told);
}

/** A button that copies the address of a reference in this page. */
export function copyButton(id) {
  const address = `${location.origin}${location.pathname}#/reference/${id}`;
  const copy = async (event) => {
    const button = event.currentTarget;
    try {
      await navigator.clipboard.writeText(address);
      button.textContent = t("actions.copied");
      announce(t("actions.copied"));
      setTimeout(() => { button.textContent = t("actions.copy"); }, 2500);
    } catch {
      // Without TLS a browser copies nothing by itself: then the person does.
      const field = h("input", { value: address, readonly: true, "aria-label": t("actions.address") });
      button.replaceWith(field);
      field.focus();
      field.select();
    }
  };
  return h("button", { onclick: copy }, t("actions.copy"));
}

function download(blob, name) {
  const address = URL.createObjectURL(blob);
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
