// The small and large pictures of references. With a token they are fetched, as an <img> sends none.
import { below, hasToken, request } from "./api.js";
import { h, ICONS, icon } from "./dom.js";

const MOST = 400; // pictures that are kept for a while, some 12 kB each
const held = new Map(); // addresses of the service to promises of addresses of the browser

async function fetched(address) {
  if (!held.has(address)) {
    held.set(address, request(address).then((answer) => answer.blob()).then((blob) => URL.createObjectURL(blob)));
    if (held.size > MOST) {
      const [oldest, promise] = held.entries().next().value;
      held.delete(oldest);
      promise.then((url) => URL.revokeObjectURL(url), () => {});
    }
  }
  try {
    return await held.get(address);
  } catch (error) {
    held.delete(address);
    throw error;
  }
}

/**
 * A picture of the service, or a sign where there is none.
 * @param {string} address where it is
 * @param {string} alt what it shows; "" where a text beside it says so
 */
export function picture(address, alt = "") {
  const frame = h("span.picture");
  const missing = () => frame.replaceChildren(icon(ICONS.picture, "missing"));
  const image = h("img", { alt, loading: "lazy", decoding: "async", onerror: missing });
  if (hasToken()) fetched(address).then((url) => { image.src = url; }, missing);
  else image.src = below(address);
  frame.append(image);
  return frame;
}

/** A file that a person chose, as a small picture; a sign where the browser cannot show it. */
export function preview(url, alt = "") {
  const frame = h("span.picture");
  const missing = () => frame.replaceChildren(icon(ICONS.picture, "missing"));
  if (!url) missing();
  else frame.append(h("img", { alt, src: url, onerror: missing }));
  return frame;
}
