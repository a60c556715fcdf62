import { readdir, readFile } from "node:fs/promises";
import { absent, type DemoFiles } from "./album.ts";

/** Proof that a mail was sent: one file for each mail, written after it was sent. */
export interface Receipt {
  readonly id: string;
  readonly albumId: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Unix milliseconds. */
  readonly sentAt: number;
  /** "outbox": the letter is an .eml file beside the receipt. "smtp": a mail server accepted it. */
  readonly by: "outbox" | "smtp";
}

/** Returns null when that mail has not been sent. */
export async function readReceipt(files: DemoFiles, mailId: string): Promise<Receipt | null> {
  const text = await readFile(files.receipt(mailId), "utf8").catch(absent);
  return text === null ? null : (JSON.parse(text) as Receipt);
}

/** Lists the receipts of all mails sent so far, oldest first. */
export async function readReceipts(files: DemoFiles): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for (const name of (await readdir(files.outbox).catch(absent)) ?? []) {
    const receipt = name.endsWith(".json") ? await readReceipt(files, name.slice(0, -".json".length)) : null;
    if (receipt !== null) receipts.push(receipt);
  }
  return receipts.sort((a, b) => a.sentAt - b.sentAt);
}
