import { styleText } from "node:util";

/** Colours for a person at a terminal. `styleText` leaves them out for a pipe, a file and NO_COLOR. */
export const bold = (text: string): string => styleText("bold", text, { stream: process.stdout });
export const dim = (text: string): string => styleText("dim", text, { stream: process.stdout });
export const red = (text: string): string => styleText("red", text, { stream: process.stderr });
