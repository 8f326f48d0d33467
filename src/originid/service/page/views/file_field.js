// The field for pictures: they are dropped on it, pasted, or chosen.
import { h, ICONS, icon } from "../dom.js";
import { t } from "../texts.js";

/**
 * The field.
 * @param {object} settings many, whether several files may be chosen; label, of its button; text, what
 *   it takes; onfiles, told the files
 *   that are chosen; those that are dropped and pasted come from app.js
 */
export function fileField({ many, label, text, onfiles }) {
  const input = h("input", {
    type: "file", hidden: true, multiple: many, accept: "image/*,.heic,.heif,.avif,.tif,.tiff,.dng,.cr2,.nef,.arw",
    onchange: () => {
      const files = [...input.files];
      input.value = ""; // so that the same file can be chosen again
      if (files.length) onfiles(files);
    },
  });
  return h("div.drop", {},
    icon(ICONS.picture, "large"),
    h("p.big", {}, t("drop.here")),
    h("button.main", { type: "button", onclick: () => input.click() }, label), input,
    h("p.quiet", {}, text));
}
