import { mkdir, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { absent } from "./album.ts";

/** An append-only file of JSON lines. Once `append` has resolved, its records survive a crash. */
export interface Ledger<T> {
  append(records: readonly T[]): Promise<void>;
  close(): Promise<void>;
}

export async function openLedger<T>(path: string): Promise<Ledger<T>> {
  await mkdir(dirname(path), { recursive: true });
  const torn = await endsTorn(path);
  const file = await open(path, "a");
  let startLine = torn;
  let pending = "";
  let scheduled: Promise<void> | null = null;
  let lastWrite: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    const text = (startLine ? "\n" : "") + pending;
    pending = "";
    scheduled = null;
    startLine = true; // Stays true if only a part of the text is written.
    await file.appendFile(text);
    await file.datasync();
    startLine = false;
  }

  return {
    append(records) {
      if (records.length === 0) return lastWrite;
      pending += records.map((record) => `${JSON.stringify(record)}\n`).join("");
      // Appends made during a write share the next write and its fsync.
      if (scheduled === null) {
        scheduled = lastWrite.then(write, write);
        lastWrite = scheduled;
      }
      return scheduled;
    },
    async close() {
      await lastWrite.finally(() => file.close());
    },
  };
}

/** Reads every complete record, oldest first. Skips a line cut short by a crash: its `append` had not resolved. */
export async function readLedger<T>(path: string): Promise<T[]> {
  const text = (await readFile(path, "utf8").catch(absent)) ?? "";
  const records: T[] = [];
  for (const line of text.split("\n")) {
    const record = parseLine<T>(line);
    if (record !== null) records.push(record);
  }
  return records;
}

/** Returns null for a line that is empty or not JSON. */
export function parseLine<T>(line: string): T | null {
  if (line === "") return null;
  try {
    return JSON.parse(line) as T;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

async function endsTorn(path: string): Promise<boolean> {
  const file = await open(path, "r").catch(absent);
  if (file === null) return false;
  try {
    const { size } = await file.stat();
    if (size === 0) return false;
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] !== 0x0a;
  } finally {
    await file.close();
  }
}
