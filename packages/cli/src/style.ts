import { styleText } from "node:util";
import { harmless } from "@waybill/core/door";

/** Colours for a person at a terminal. `styleText` leaves them out for a pipe, a file and NO_COLOR. */
export const bold = (text: string): string => styleText("bold", text, { stream: process.stdout });
export const dim = (text: string): string => styleText("dim", text, { stream: process.stdout });
export const red = (text: string): string => styleText("red", text, { stream: process.stderr });

/** What the functions above write around a text. */
const STYLE = new RegExp(`${String.fromCharCode(27)}\\[(?:1|2|22|31|39)m`, "g");

/** Lines of text, of which some words may be somebody else's: our styles pass, and nothing else that a terminal obeys. */
export function harmlessLines(text: string): string {
  const styles = text.match(STYLE) ?? [];
  const line = (one: string): string => one.split("\n").map(harmless).join("\n");
  return text
    .split(STYLE)
    .map((part, at) => `${line(part)}${styles[at] ?? ""}`)
    .join("");
}
