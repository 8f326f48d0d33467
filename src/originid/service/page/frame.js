// What stands around each view: the name, the ways to the views, language, appearance, token.
import { hasToken, newToken } from "./api.js";
import { h, ICONS, icon, keep } from "./dom.js";
import { chooseLanguage, language, LANGUAGES, t } from "./texts.js";

const PLACES = [["check", "#/"], ["collection", "#/collection"], ["decisions", "#/decisions"]];

/**
 * Draw header and footer.
 * @param {object|null} stats what the service says of itself
 * @param {string} current the name of the view that is shown
 * @param {function} redraw draws everything anew
 */
export function draw(stats, current, redraw) {
  document.getElementById("skip").textContent = t("frame.skip");
  const focused = document.activeElement?.id;
  document.getElementById("header").replaceChildren(
    h("div.bar", {},
      h("a.brand", { href: "#/" }, h("img", { src: "static/icon.svg", alt: "", width: 24, height: 24 }), "originid"),
      h("nav", { "aria-label": t("frame.views") }, h("ul", {}, PLACES.map(([name, address]) =>
        h("li", {}, h("a", { href: address, "aria-current": name === current && "page" }, t(`${name}.name`)))))),
      h("div.tools", {}, tokenButton(stats, redraw), languages(redraw), appearance(redraw)),
    ),
  );
  document.getElementById("footer").replaceChildren(
    h("p", {}, t("frame.privacy")),
    ...(stats ? [h("p.quiet", {}, t("frame.about", { n: stats.references, model: stats.model, version: stats.version }))] : []),
  );
  // The person who changed the language goes on from there.
  if (focused) document.getElementById(focused)?.focus();
}

function tokenButton(stats, redraw) {
  if (!hasToken()) return null;
  const change = async () => { if (await newToken()) location.reload(); };
  const role = stats ? t(`role.${stats.role}`) : "";
  return h("button.plain.square", { id: "token", onclick: change, title: t("token.change", { role }), "aria-label": t("token.change", { role }) }, icon(ICONS.key));
}

function languages(redraw) {
  const change = async (event) => { await chooseLanguage(event.target.value); redraw(); };
  return h("select.small", { id: "language", "aria-label": t("frame.language"), onchange: change },
    Object.entries(LANGUAGES).map(([key, name]) => h("option", { value: key, lang: key, selected: key === language() }, name)));
}

function appearance(redraw) {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const change = () => {
    root.dataset.theme = dark ? "light" : "dark";
    keep(localStorage, "originid.theme", root.dataset.theme);
    document.getElementById("appearance").replaceWith(appearance(redraw));
    document.getElementById("appearance").focus();
  };
  const label = t(dark ? "frame.light" : "frame.dark");
  return h("button.plain.square", { id: "appearance", onclick: change, title: label, "aria-label": label }, icon(dark ? ICONS.sun : ICONS.moon));
}
