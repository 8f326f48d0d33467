// The texts of the page, one file for each language. A new language is a file in texts/ and a line here.
import { keep, kept } from "./dom.js";

export const LANGUAGES = { en: "English", de: "Deutsch" };
const FALLBACK = "en";
const KEY = "originid.language";
const NOW = { language: FALLBACK, texts: {} };

/** The language of the page. */
export const language = () => NOW.language;

/** Load the texts of the language that was chosen, or that the browser prefers. */
export async function loadTexts() {
  const wanted = [kept(localStorage, KEY), ...navigator.languages].filter(Boolean);
  const known = wanted.map((each) => each.split("-")[0]).find((each) => Object.hasOwn(LANGUAGES, each));
  await useLanguage(known ?? FALLBACK);
}

/** Change the language, and remember the choice. */
export async function chooseLanguage(name) {
  keep(localStorage, KEY, name);
  await useLanguage(name);
}

async function useLanguage(name) {
  const answer = await fetch(`static/texts/${name}.json`);
  NOW.texts = await answer.json();
  NOW.language = name;
  document.documentElement.lang = name;
}

/**
 * A text in the language of the page.
 * @param {string} key its name; where values has n and the text has forms, the one for n is taken
 * @param {object} values what stands for {name} in it; numbers are written as the language does
 */
export function t(key, values = {}) {
  let text = NOW.texts[key];
  if (text === undefined && values.n !== undefined) {
    const form = new Intl.PluralRules(NOW.language).select(values.n);
    text = NOW.texts[`${key}.${form}`] ?? NOW.texts[`${key}.other`];
  }
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? number(value) : String(value);
  });
}

/** Whether there is a text of this name. */
export const hasText = (key) => NOW.texts[key] !== undefined;

export const number = (value, options = {}) => new Intl.NumberFormat(NOW.language, options).format(value);

export const percent = (share) => number(share, { style: "percent", maximumFractionDigits: 0 });

/** Bytes as a person reads them. */
export function size(bytes) {
  const mega = bytes >= 1e6;
  const options = { style: "unit", unit: mega ? "megabyte" : "kilobyte", maximumFractionDigits: mega ? 1 : 0 };
  return number(bytes / (mega ? 1e6 : 1e3), options);
}

/** A day and a time of the service, as the language writes them; the text itself where it is none. */
export function moment(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  return new Intl.DateTimeFormat(NOW.language, { dateStyle: "medium", timeStyle: "short" }).format(date);
}
