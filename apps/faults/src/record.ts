import { appendFileSync, existsSync, readFileSync } from "node:fs";

/** What a handler did, one line each, written before it goes on: a kill loses nothing that was done. */
export interface Deed {
  readonly what: "start" | "end" | "abort";
  readonly id: string;
  readonly attempt: number;
  readonly pid: number;
  /** Unix milliseconds. */
  readonly at: number;
}

export function writeDeed(file: string, what: Deed["what"], job: { id: string; attempt: number }): void {
  const deed: Deed = { what, id: job.id, attempt: job.attempt, pid: process.pid, at: Date.now() };
  writeSynced(file, JSON.stringify(deed));
}

/** Appends a line and syncs the file: it is there after a kill of the process and after a crash of the machine. */
export function writeSynced(file: string, line: string): void {
  appendFileSync(file, `${line}\n`, { flush: true });
}

export function readDeeds(file: string): Deed[] {
  return readLines(file).map((line) => JSON.parse(line) as Deed);
}

/** Whole lines only: the last one of a killed process may be cut. */
export function readLines(file: string): string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").split("\n").slice(0, -1);
}
