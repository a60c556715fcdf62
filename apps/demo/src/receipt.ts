import { readdir, readFile } from "node:fs/promises";
import { absent, type DemoFiles } from "./album.ts";

/** The proof that a mail was sent, one file a mail, written after the sending. */
export interface Receipt {
  readonly id: string;
  readonly albumId: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Unix milliseconds. */
  readonly sentAt: number;
  /** "outbox": the letter lies beside the receipt, as .eml. "smtp": a mail server took it. */
  readonly by: "outbox" | "smtp";
}

/** Null when that mail has not been sent. */
export async function readReceipt(files: DemoFiles, mailId: string): Promise<Receipt | null> {
  const text = await readFile(files.receipt(mailId), "utf8").catch(absent);
  return text === null ? null : (JSON.parse(text) as Receipt);
}

/** Every mail sent so far, oldest first. */
export async function readReceipts(files: DemoFiles): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for (const name of (await readdir(files.outbox).catch(absent)) ?? []) {
    const receipt = name.endsWith(".json") ? await readReceipt(files, name.slice(0, -".json".length)) : null;
    if (receipt !== null) receipts.push(receipt);
  }
  return receipts.sort((a, b) => a.sentAt - b.sentAt);
}
