// Asking the service. Every failure is an ApiFailure; a missing token and a busy service are handled here.
import { keep, kept } from "./dom.js";

const TOKEN = "originid.token";
const PATIENCE = 6; // times that a busy service is asked again
const LONGEST = 30; // seconds that are waited before one of them

/** A request that brought no success. */
export class ApiFailure extends Error {
  /**
   * @param {string} code a word of the service, or "offline"
   * @param {object} body given, expected and todo, as the service says them
   */
  constructor(code, body = {}) {
    super(code);
    this.code = code;
    this.given = body.given ?? "";
    this.todo = body.todo ?? "";
  }
}

let token = kept(sessionStorage, TOKEN);
let ask = async () => null;
let asking = null;

/** A path of the service below the page, which a proxy may show under a prefix of its own. */
export const below = (path) => path.replace(/^\//, "");

export const hasToken = () => Boolean(token);

/** Say how a token is asked for: a function that promises one, or null if the person gives none. */
export function askTokenBy(dialog) {
  ask = dialog;
}

/** Ask for a token; requests that need one at the same time wait for the same answer. */
export function newToken(wrong = false) {
  asking ??= ask(wrong).then((given) => {
    asking = null;
    if (given !== null) {
      token = given || null;
      keep(sessionStorage, TOKEN, token);
    }
    return given !== null;
  });
  return asking;
}

/**
 * Ask the service.
 * @param {string} path with its query, as the service writes it: from its root
 * @param {object} options method; fields, an object that is sent as a form; onwait, told the seconds
 *   before a busy service is asked again; onprogress, told the share that is sent
 * @returns {Promise<Response>} a success
 */
export async function request(path, options = {}) {
  for (let tries = 0; ; tries++) {
    const used = token;
    const answer = await send(path, options);
    if (answer.ok) return answer;
    if (answer.status === 401) {
      // Another request may have got a new token while this one was on its way.
      if (used !== token || (await newToken(Boolean(used)))) continue;
      throw new ApiFailure("token_needed");
    }
    if (answer.status === 429 && tries < PATIENCE) {
      const stated = Number(answer.headers.get("retry-after")) || 1;
      await wait(Math.min(stated, LONGEST), options.onwait);
      continue;
    }
    throw await failure(answer);
  }
}

/** The JSON of a request. */
export const json = async (path, options) => (await request(path, options)).json();

async function send(path, { method = "GET", fields, signal, onprogress }) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  let body;
  if (fields) {
    body = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      if (value instanceof File) body.append(name, value, value.name);
      else if (value !== undefined && value !== null && value !== "") body.append(name, value);
    }
  }
  try {
    if (onprogress) return await upload(below(path), method, headers, body, onprogress);
    return await fetch(below(path), { method, headers, body, signal, credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiFailure(await readable(fields?.image) ? "offline" : "file_gone");
  }
}

/** Whether a chosen file can still be read: one that was changed or removed meanwhile cannot. */
async function readable(file) {
  if (!(file instanceof File)) return true;
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** As fetch, but tells how much is sent, which fetch cannot. */
function upload(path, method, headers, body, onprogress) {
  return new Promise((resolve, reject) => {
    const asked = new XMLHttpRequest();
    asked.open(method, path);
    for (const [name, value] of Object.entries(headers)) asked.setRequestHeader(name, value);
    asked.upload.onprogress = (event) => {
      if (event.lengthComputable) onprogress(event.loaded / event.total);
    };
    asked.onerror = () => reject(new TypeError("no answer"));
    asked.onload = () => {
      const again = asked.getResponseHeader("retry-after");
      const init = { status: asked.status, headers: again ? { "retry-after": again } : {} };
      resolve(new Response(asked.status === 204 ? null : asked.responseText, init));
    };
    asked.send(body);
  });
}

async function failure(answer) {
  try {
    const { error } = await answer.json();
    return new ApiFailure(error.code, error);
  } catch {
    return new ApiFailure(answer.status === 413 ? "too_large" : "internal");
  }
}

async function wait(seconds, onwait) {
  for (let left = Math.ceil(seconds); left > 0; left--) {
    onwait?.(left);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  onwait?.(0);
}
