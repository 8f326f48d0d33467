// Making elements. Texts are always set as text, never as HTML.

/**
 * An element.
 * @param {string} tag its name, with classes: "p.note"
 * @param {object} properties attributes by name; functions are listeners ("onclick"); what is null,
 *   undefined or false is left out
 * @param {...(Node|string|null|undefined|false)} children nodes and texts
 */
export function h(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child || child === 0));
  return element;
}

/** A small drawing of one path, 24 by 24, hidden from screen readers: words stand beside it. */
export function icon(path, kind = "icon") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", kind);
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export const ICONS = {
  origin: "M5 12.5l4.5 4.5L19 7.5",
  uncertain: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5v.5",
  none: "M7 12h10",
  error: "M12 6v8M12 17.5v.5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5L19 19M5 19l1.5-1.5M17.5 6.5L19 5",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5v.01",
  key: "M14 10a4 4 0 1 1-1.2-2.8M13.5 9.5H21v3M17.5 9.5v2.5",
};

const HEARD = 10_000; // ms that a told text stays: it is read after what was told before it

/** Tell screen readers something, after what they were told a moment ago. */
export function announce(text) {
  const told = h("span", {}, `${text} `);
  document.getElementById("live").append(told);
  setTimeout(() => told.remove(), HEARD);
}

let last = 0;
/** A name for an element that others refer to. */
export const newId = (start) => `${start}-${++last}`;

/** Keep what a person chose, or in this window's session, where the browser lets us. */
export function keep(storage, key, value) {
  try {
    if (value === null) storage.removeItem(key);
    else storage.setItem(key, value);
  } catch {
    // It then counts until the page is left.
  }
}

/** What was kept; null where nothing was, or where the browser does not let us. */
export function kept(storage, key) {
  try {
    return storage.getItem(key);
  } catch {
    return null;
  }
}
