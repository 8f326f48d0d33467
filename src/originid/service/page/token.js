// The question for a token. It is kept until this window is closed, and never in an address.
import { h, newId } from "./dom.js";
import { t } from "./texts.js";

/**
 * Ask for a token.
 * @param {boolean} wrong whether one was given that is not valid
 * @returns {Promise<string|null>} the token, or null if the person gives none
 */
export function askToken(wrong) {
  const [title, field] = [newId("title"), newId("field")];
  const before = document.activeElement;
  const input = h("input", { id: field, type: "password", autocomplete: "off", spellcheck: "false", required: true });
  const dialog = h("dialog.ask", { "aria-labelledby": title },
    h("form", { method: "dialog" },
      h("h2", { id: title }, t("token.title")),
      h("p", {}, t(wrong ? "token.wrong" : "token.why")),
      h("label", { for: field }, t("token.label")),
      input,
      h("p.quiet", {}, t("token.kept")),
      h("div.row", {},
        h("button.main", { value: "use" }, t("token.use")),
        h("button", { type: "button", onclick: () => dialog.close() }, t("cancel"))),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      before?.focus?.();
      resolve(dialog.returnValue === "use" ? input.value.trim() : null);
    });
  });
}
