/**
 * What a terminal obeys or what hides text from a reader: C0 and C1 control characters, marks that turn the direction of
 * writing (bidi), and the two line separators.
 */
const OBEYED = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** Text of somebody else's for one line of a terminal or a scrape: a job's type or error could clear the screen, or write to it. Never throws. */
export const harmless = (text: string): string => text.replaceAll(OBEYED, "\ufffd");

/** JSON on one line that a terminal can be shown: the same value when it is parsed. Undefined where there is no JSON for it. Throws as `JSON.stringify` does. */
export const harmlessJson = (value: unknown): string | undefined =>
  // Such characters occur within strings alone: there an escape means the same.
  JSON.stringify(value)?.replaceAll(OBEYED, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
