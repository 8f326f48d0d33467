// The pictures that were asked about since the page was opened. They are kept here only, not stored.
import { ApiFailure, json, request } from "./api.js";
import { failureOf } from "./failures.js";

const AT_ONCE = 2; // requests: more would only wait in the service
export const asks = []; // the newest first
const listeners = new Set();
const waiting = [];
let working = 0;

/** Be told whenever a picture's state changes; returns a function that ends it. */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Ask about pictures.
 * @param {object[]} given each with name and one of file, fingerprint, address and reference
 * @param {object} how false_matches and effort, as the service takes them; limit, bytes of a file
 */
export function ask(given, how) {
  const fresh = given.map((each) => ({
    ...each,
    how,
    state: "waiting", // then asking, then answered or failed
    open: given.length === 1,
    preview: each.file ? URL.createObjectURL(each.file) : null,
    answer: null,
    failure: null,
    shown: null, // the match that is looked at
    evidence: null, // of the match that is looked at
    decided: {}, // by the number of a reference: the decision that was made here
  }));
  asks.unshift(...fresh);
  waiting.push(...fresh);
  next();
  return fresh;
}

/** Ask about a picture once more. */
export function again(one) {
  one.state = "waiting";
  one.failure = null;
  waiting.push(one);
  tell(one);
  next();
}

/** Forget pictures. */
export function forget(gone) {
  for (const one of gone) {
    if (one.preview) URL.revokeObjectURL(one.preview);
    asks.splice(asks.indexOf(one), 1);
    if (waiting.includes(one)) waiting.splice(waiting.indexOf(one), 1);
  }
}

function tell(one) {
  for (const listener of listeners) listener(one);
}

async function next() {
  if (working >= AT_ONCE || !waiting.length) return;
  const one = waiting.shift();
  working++;
  one.state = "asking";
  tell(one);
  try {
    one.answer = await answerOf(one);
    one.state = "answered";
    one.shown = one.answer.verdict === "none" ? null : one.answer.matches[0]?.id ?? null;
  } catch (error) {
    one.failure = failureOf(error);
    if (one.fingerprint && one.failure.code === "not_usable") one.failure.code = "no_fingerprint";
    one.state = "failed";
  }
  working--;
  one.wait = 0;
  tell(one);
  next();
}

async function answerOf(one) {
  if (one.file && one.file.size > one.how.limit) throw new ApiFailure("too_large");
  if (one.file && !one.file.size) throw new ApiFailure("empty_file");
  const { false_matches, effort } = one.how;
  const what = one.reference ? { reference: one.reference } : one.fingerprint ? { fingerprint: one.fingerprint }
    : one.address ? { url: one.address } : { image: one.file };
  const onwait = (seconds) => { one.wait = seconds; tell(one); };
  return json("/v1/find", { method: "POST", fields: { ...what, top: 10, false_matches, effort }, onwait });
}

/** Where a picture and a reference agree; the last answer is kept while its card is looked at. */
export async function evidenceOf(one, id) {
  if (one.evidence?.id === id) return one.evidence;
  const data = await json("/v1/explain", { method: "POST", fields: { image: one.file, reference: id, effort: one.how.effort } });
  one.evidence = { ...data, id };
  return one.evidence;
}

/** The evidence as a file to keep: a Blob. */
export async function evidenceFile(one, id, format) {
  const answer = await request(`/v1/explain?format=${format}`, { method: "POST", fields: { image: one.file, reference: id, effort: one.how.effort } });
  return answer.blob();
}
