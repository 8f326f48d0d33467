// Answers in words. The service gives its reasons in English; what they rest on is said here in any language.
import { number, t } from "./texts.js";

const CERTAIN = 1e-4; // false-match rate from which an origin is called certain
const REASONS = [
  [/^the same file/, () => t("reason.same_file")],
  [/^the same picture/, () => t("reason.same_picture")],
  [/^too little in this picture/, () => t("reason.too_little")],
  [/^looks like ([\d,]+) references/, (found) => t("reason.crowd", { n: Number(found[1].replaceAll(",", "")) })],
  [/^none: the collection is empty/, () => t("reason.empty")],
  [/^confirmed on (\S{10})( for nearly the same picture)?(?:: ([^]*))?/, (found) =>
    t("reason.confirmed", { day: found[1], note: found[3] ? ` (${found[3]})` : "" })],
];

/** The verdict in a few words: the headline of an answer. */
export function headline(answer) {
  if (answer.verdict === "origin") {
    const rate = answer.matches[0]?.false_match_rate ?? 0;
    const sure = rate <= CERTAIN || !/^(certain|likely)/.test(answer.reason);
    return t(sure ? "verdict.origin" : "verdict.likely");
  }
  return t(`verdict.${answer.verdict}`);
}

const REJECTED = /; (\d+) references? (?:was|were) rejected .* on (\S{10})$/;

/** Why the verdict is what it is, in a sentence, and what a person rejected before. */
export function why(answer) {
  const found = REJECTED.exec(answer.reason);
  const rejected = found && t("reason.rejected", { n: Number(found[1]), day: found[2] });
  return [because(answer), rejected].filter(Boolean).join(" ");
}

function because(answer) {
  for (const [pattern, words] of REASONS) {
    const found = pattern.exec(answer.reason);
    if (found) return words(found);
  }
  const best = answer.matches[0];
  if (!best) return t("reason.nothing");
  return answer.verdict === "none" ? t("rate.ordinary", { often: often(best.false_match_rate) }) : rate(best.false_match_rate);
}

/** How often a picture without an origin here would find a match this alike by chance. */
export function rate(value) {
  if (value > 0.1) return t("rate.ordinary", { often: often(value) });
  return value < 1e-9 ? t("rate.never") : t("rate.once", { n: rounded(1 / value) });
}

function often(value) {
  if (value >= 0.95) return t("often.always");
  if (value >= 0.45 && value <= 0.55) return t("often.half");
  const tenths = Math.round(10 * value);
  return tenths >= 2 ? t("often.tenths", { tenths }) : t("often.once", { times: rounded(1 / Math.max(value, 1e-9)) });
}

/** With one significant digit, rounded down: that never claims more than there is. */
function rounded(value) {
  if (value < 10) return Math.max(1, Math.floor(value));
  const power = 10 ** Math.floor(Math.log10(value) + 1e-12);
  return Math.floor(value / power + 1e-9) * power;
}

const PLACE = /^as the (upper|lower)? ?(left|right|middle)? ?part of the reference$/;

/** What was done to the picture before it matched; "" where nothing was. */
export function view(text) {
  if (!text || text === "full") return "";
  return text.split(", ").map((part) => {
    const degrees = /^turned by (-?\d+(?:\.\d+)?) degrees$/.exec(part);
    if (degrees) return t("view.degrees", { degrees: Number(degrees[1]) });
    if (part.startsWith("block ")) return t("view.block");
    const place = PLACE.exec(part);
    if (place) return t("view.part", { part: t(`part.${[place[1], place[2]].filter(Boolean).join("_")}`) });
    const known = { mirrored: "mirrored", "turned by a quarter": "quarter", "turned by a half": "half", "turned by three quarters": "three_quarters" }[part];
    return known ? t(`view.${known}`) : part;
  }).join(", ");
}

export const score = (value) => t("score", { score: number(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 }) });

/** The last part of a path. */
export const nameOf = (path) => path.split(/[/\\]/).pop() || path;
