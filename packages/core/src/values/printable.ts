/**
 * Characters that control a terminal or hide text from a reader: C0 and C1 control characters, marks of writing direction
 * (bidi), and the two line separators.
 */
const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** Returns untrusted text for one line of a terminal or a scrape: the type of a job or an error could otherwise clear the screen. Never throws. */
export const printable = (text: string): string => text.replaceAll(CONTROL, "\ufffd");

/** Returns JSON on one line that is safe to print and parses to the same value. Undefined where JSON has no form for the value. Throws as `JSON.stringify` does. */
export const printableJson = (value: unknown): string | undefined =>
  // Such characters occur only inside strings, where an escape means the same.
  JSON.stringify(value)?.replaceAll(CONTROL, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
