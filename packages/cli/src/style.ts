import { styleText } from "node:util";

/** Colours for a person at a terminal. `styleText` leaves them out for a pipe, a file and NO_COLOR. */
export const bold = (text: string): string => styleText("bold", text, { stream: process.stdout });
export const dim = (text: string): string => styleText("dim", text, { stream: process.stdout });
export const red = (text: string): string => styleText("red", text, { stream: process.stderr });

/** Text of somebody else's without what a terminal obeys: a job's type or error could clear the screen, or write to it. */
export const harmless = (text: string): string => text.replaceAll(/\p{Cc}/gu, "\ufffd");
