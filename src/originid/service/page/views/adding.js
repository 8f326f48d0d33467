// Adding pictures to the collection, one after another, with progress.
import { ApiFailure, json } from "../api.js";
import { announce, h, newId } from "../dom.js";
import { explained, failureOf } from "../failures.js";
import { size, t } from "../texts.js";
import { fileField } from "./file_field.js";

const FIELDS = ["caption", "credit", "licence", "date", "link"];
let panel = null; // that is shown, with what it does with files

/** Take files, if the panel for them is open; returns whether it is. */
export function receiveAdding(files) {
  if (!panel?.element.isConnected || !panel.element.open) return false;
  panel.add(files);
  return true;
}

/**
 * The panel; null for those who may not add.
 * @param {object} shared stats and refresh
 * @param {boolean} open whether it is open from the beginning
 * @param {function} ondone called when pictures were added
 */
export function adding(shared, open, ondone) {
  if (!shared.stats.writable) return null;
  const fields = Object.fromEntries(FIELDS.map((key) => [key, h("input", { id: newId(key), maxlength: 2000 })]));
  const bar = h("progress", { max: 1, value: 0, "aria-label": t("add.progress") });
  const told = h("p", {});
  const list = h("ul.added");
  const state = h("div.progress", { hidden: true }, told, bar, list);
  let left = Promise.resolve();
  const counts = { all: 0, done: 0, failed: 0 };

  const progress = (share) => {
    bar.value = (counts.done + share) / counts.all;
    told.textContent = t("add.state", { done: counts.done, n: counts.all });
  };
  const one = async (file, row, description) => {
    try {
      const told = await store(file, description, shared.stats, progress);
      row.append(h("a", { href: `#/reference/${told.id}` }, file.name), ` ${t(told.added ? "add.added" : "add.known")}`);
    } catch (error) {
      counts.failed++;
      const { what, todo } = explained(failureOf(error), { limit: size(shared.stats.limits.bytes), pixels: shared.stats.limits.pixels / 1e6 });
      row.append(h("strong", {}, file.name), `: ${what} ${todo}`);
      row.className = "failed";
    }
    counts.done++;
    progress(0);
  };
  const add = (files) => {
    state.hidden = false;
    counts.all += files.length;
    progress(0);
    const description = Object.fromEntries(FIELDS.map((key) => [key, fields[key].value.trim()]));
    for (const file of files) {
      left = left.then(() => {
        const row = h("li");
        list.prepend(row);
        return one(file, row, description);
      });
    }
    left = left.then(async () => {
      if (counts.done < counts.all) return;
      announce(t("add.done", { done: counts.done - counts.failed, n: counts.all }));
      await shared.refresh().catch(() => {});
      if (state.isConnected) ondone();
    });
  };
  const element = h("details.options.adding", { open }, h("summary", {}, t("add.title")),
    h("p.quiet", {}, t("add.text")),
    h("div.fields", {}, FIELDS.map((key) => h("div", {}, h("label", { for: fields[key].id }, t(`fact.${key}`)), fields[key]))),
    fileField({ many: true, label: t("add.choose"), text: t("check.drop", { size: size(shared.stats.limits.bytes) }), onfiles: add }),
    state);
  panel = { element, add };
  return element;
}

async function store(file, description, stats, onprogress) {
  if (file.size > stats.limits.bytes) throw new ApiFailure("too_large");
  return json("/v1/references", { method: "POST", fields: { image: file, ...description }, onprogress });
}
