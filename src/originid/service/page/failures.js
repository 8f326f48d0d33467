// Failures as a person reads them: what happened, and what to do.
import { ApiFailure } from "./api.js";
import { h, ICONS, icon } from "./dom.js";
import { hasText, t } from "./texts.js";

/** The failure of an error: one of the service, or of this page itself. */
export function failureOf(error) {
  if (error instanceof ApiFailure) return error;
  console.error(error);
  return new ApiFailure("page", { given: String(error?.message ?? error) });
}

/** What happened and what to do, in the language of the page. */
export function explained(failure, values = {}) {
  const key = hasText(`error.${failure.code}`) ? `error.${failure.code}` : "error.internal";
  return { what: t(key, values), todo: t(`${key}.todo`, values) };
}

/**
 * A failure with a way out.
 * @param {ApiFailure} failure
 * @param {function} [again] tries once more
 * @param {object} [values] of the text
 */
export function notice(failure, again, values) {
  const { what, todo } = explained(failure, values);
  return h("div.notice", { role: "alert" },
    icon(ICONS.error, "sign"),
    h("div", {},
      h("p", {}, h("strong", {}, what), " ", todo),
      failure.given && h("p.quiet", {}, t("error.said"), " ", h("span", { lang: "en" }, failure.given)),
      again && h("button", { onclick: again }, t("again"))),
  );
}
