import { styleText } from "node:util";
import { printable } from "@waybill/core/endpoint";

/** Styles for a terminal. `styleText` omits them for a pipe, a file and NO_COLOR. */
export const bold = (text: string): string => styleText("bold", text, { stream: process.stdout });
export const dim = (text: string): string => styleText("dim", text, { stream: process.stdout });
export const red = (text: string): string => styleText("red", text, { stream: process.stderr });

/** The escape sequences of the functions above. */
const STYLE = new RegExp(`${String.fromCharCode(27)}\\[(?:1|2|22|31|39)m`, "g");

/** Returns the lines with every control sequence escaped except our own styles. The text may contain foreign data. */
export function printableLines(text: string): string {
  const styles = text.match(STYLE) ?? [];
  const line = (one: string): string => one.split("\n").map(printable).join("\n");
  return text
    .split(STYLE)
    .map((part, at) => `${line(part)}${styles[at] ?? ""}`)
    .join("");
}
