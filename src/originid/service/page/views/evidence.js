// The picture and the reference side by side, one over the other, as a map of agreement, as a checkerboard.
import { h, newId } from "../dom.js";
import { failureOf, notice } from "../failures.js";
import { picture } from "../images.js";
import { evidenceOf } from "../queue.js";
import { language, percent, t } from "../texts.js";
import { nameOf } from "../words.js";

const VIEWS = { slider, beside, heat, checkerboard };
let preferred = "slider"; // as the person chose it last

/** The evidence for a match; it appears when the service has drawn it. */
export function evidence(one, match) {
  const frame = h("div.evidence");
  if (!one.file) {
    frame.replaceChildren(h("figure", {}, picture(`/v1/references/${match.id}/picture`, nameOf(match.reference)), h("figcaption", {}, t("evidence.alone"))));
    return frame;
  }
  if (one.evidence?.id === match.id) {
    draw(frame, one.evidence, one.name);
    return frame;
  }
  frame.append(h("div.waiting", {}, picture(match.thumbnail), h("p", {}, h("span.spinner", { "aria-hidden": "true" }), t("evidence.waiting"))));
  const load = async () => {
    frame.setAttribute("aria-busy", "true");
    try {
      draw(frame, await evidenceOf(one, match.id), one.name);
    } catch (error) {
      frame.replaceChildren(notice(failureOf(error), load));
    }
    frame.removeAttribute("aria-busy");
  };
  load();
  return frame;
}

function draw(frame, found, name) {
  const names = Object.keys(VIEWS).filter((each) => each !== "heat" || found.pictures.heat);
  const chosen = names.includes(preferred) ? preferred : names[0];
  const panel = h("div.panel", { role: "tabpanel", id: newId("panel"), tabindex: "0" });
  const tabs = names.map((each) => h("button", { role: "tab", id: newId("tab"), "aria-controls": panel.id, onclick: () => choose(each) }, t(`tab.${each}`)));
  const choose = (wanted, focus = false) => {
    preferred = wanted;
    for (const [place, tab] of tabs.entries()) {
      const on = names[place] === wanted;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      if (on) panel.setAttribute("aria-labelledby", tab.id);
      if (on && focus) tab.focus();
    }
    panel.replaceChildren(VIEWS[wanted](found, name));
  };
  const keys = (event) => {
    const place = names.indexOf(preferred);
    const to = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(names[(to + names.length) % names.length], true);
  };
  frame.replaceChildren(h("div.tabs", { role: "tablist", "aria-label": t("evidence.views"), onkeydown: keys }, tabs), panel, measures(found));
  choose(chosen);
}

/** A picture that tells its frame, or itself, its proportions. */
function shown(src, alt, frame) {
  const image = h("img", { src, alt, onload: () => (frame ?? image).style.setProperty("--ratio", image.naturalWidth / image.naturalHeight) });
  return image;
}

function slider(found, name) {
  const top = h("img.over", { src: found.pictures.aligned, alt: t("evidence.query", { name }) });
  const line = h("span.line", { "aria-hidden": "true" });
  const stage = h("div.stage");
  stage.append(
    shown(found.pictures.reference_plain ?? found.pictures.reference, t("evidence.reference", { name: nameOf(found.reference) }), stage), top, line,
    h("span.tag.left", { "aria-hidden": "true" }, t("evidence.tag.query")), h("span.tag.right", { "aria-hidden": "true" }, t("evidence.tag.reference")));
  const range = h("input", { type: "range", min: 0, max: 100, value: 50, id: newId("range"), oninput: () => move() });
  const fade = h("input", { type: "checkbox", onchange: () => move() });
  const move = () => {
    const share = Number(range.value);
    stage.classList.toggle("fading", fade.checked);
    top.style.clipPath = fade.checked ? "none" : `inset(0 ${100 - share}% 0 0)`;
    top.style.opacity = fade.checked ? String(share / 100) : "1";
    line.style.left = `${share}%`;
    range.setAttribute("aria-valuetext", t("evidence.share", { share: percent(share / 100) }));
  };
  const pull = (event) => {
    if (event.type === "pointerdown") { event.preventDefault(); stage.setPointerCapture(event.pointerId); }
    if (!stage.hasPointerCapture(event.pointerId)) return;
    const { left, width } = stage.getBoundingClientRect();
    range.value = Math.round((100 * (event.clientX - left)) / width);
    move();
  };
  for (const type of ["pointerdown", "pointermove"]) stage.addEventListener(type, pull);
  move();
  return h("div.compare", {}, stage,
    h("div.row", {}, h("label.unseen", { for: range.id }, t("evidence.slide")), range, h("label.check", {}, fade, t("evidence.fade"))));
}

function beside(found, name) {
  const one = (picture, alt, caption) => h("figure", {}, shown(picture, alt), h("figcaption", {}, caption));
  return h("div.beside", {},
    one(found.pictures.query, t("evidence.query", { name }), t("evidence.tag.query")),
    one(found.pictures.reference, t("evidence.reference", { name: nameOf(found.reference) }), found.box ? t("evidence.framed") : t("evidence.tag.reference")));
}

function heat(found) {
  return h("figure", {}, shown(found.pictures.heat, t("evidence.heat.alt")), h("figcaption", {}, t("evidence.heat")));
}

function checkerboard(found) {
  return h("figure", {}, shown(found.pictures.checkerboard, t("evidence.checkerboard.alt")), h("figcaption", {}, t("evidence.checkerboard")));
}

/** What was measured, in numbers that mean the same in each language. */
function measures(found) {
  // The service says it in English only.
  if (language() === "en") return h("p.measured", {}, found.sentence);
  const share = found.cells ? t("evidence.alike", { share: percent(found.cells.share) }) : "";
  return h("p.measured", {}, share, " ", t("evidence.details", { n: found.alignment.inliers }));
}
