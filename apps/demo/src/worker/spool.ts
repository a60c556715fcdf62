import { randomUUID } from "node:crypto";
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { isAlive } from "../durable-file.ts";
import type { JobEvent } from "../job-event.ts";
import { parseLine } from "../ledger.ts";

/** Some events in order, and how to say that they were delivered. */
export interface Batch {
  readonly events: readonly JobEvent[];
  /** Not called: the same events come again. */
  delivered(): void;
}

/**
 * The worker's events on their way to the web process. They are in a file before `append` returns, so that neither
 * an absent web process nor a SIGKILL of this one loses any; a kill may deliver some twice.
 */
export interface Spool {
  readonly source: string;
  append(event: Omit<JobEvent, "source" | "pid" | "seq">): void;
  /** The oldest undelivered events, those of killed workers first; null when there are none. */
  next(): Batch | null;
  /** Removes the file unless something in it is still to be delivered; a later worker takes that on. */
  close(): void;
}

const CHUNK = 256 * 1024;

export function openSpool(folder: string): Spool {
  mkdirSync(folder, { recursive: true });
  const source = `${Date.now()}-${randomUUID().slice(0, 8)}-${process.pid}`;
  const left = abandoned(folder);
  const path = join(folder, `${source}.ndjson`);
  const own = openSync(path, "ax+");
  let leftOffset = 0;
  let offset = 0;
  let seq = 0;

  /** A killed worker's file, whole lines only, then the file is gone. */
  function nextLeft(name: string): Batch | null {
    const file = openSync(join(folder, name), "r");
    const { events, end } = readLines(file, leftOffset);
    closeSync(file);
    const delivered = (): void => {
      leftOffset = end;
    };
    if (events.length > 0) return { events, delivered };
    rmSync(join(folder, name), { force: true });
    left.shift();
    leftOffset = 0;
    return null;
  }

  function nextOwn(): Batch | null {
    const { events, end } = readLines(own, offset);
    if (events.length === 0) return null;
    return {
      events,
      delivered() {
        offset = end;
        if (fstatSync(own).size > end) return;
        ftruncateSync(own, 0);
        offset = 0;
      },
    };
  }

  return {
    source,
    append(event) {
      seq += 1;
      writeSync(own, `${JSON.stringify({ source, pid: process.pid, seq, ...event })}\n`);
    },
    next() {
      while (left[0] !== undefined) {
        const batch = nextLeft(left[0]);
        if (batch !== null) return batch;
      }
      return nextOwn();
    },
    close() {
      const isEmpty = fstatSync(own).size === 0;
      closeSync(own);
      if (isEmpty) rmSync(path, { force: true });
    },
  };
}

/** Spool files whose worker is gone, oldest first. */
function abandoned(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => {
    const pid = /^\d+-\w+-(\d+)\.ndjson$/.exec(name)?.[1];
    return pid !== undefined && (Number(pid) === process.pid || !isAlive(Number(pid)));
  });
  return names.sort();
}

/** Whole lines from `offset` on, up to about 256 KiB, and where they end. */
function readLines(file: number, offset: number): { events: JobEvent[]; end: number } {
  const chunk = Buffer.alloc(CHUNK);
  const length = readSync(file, chunk, 0, CHUNK, offset);
  const whole = chunk.subarray(0, length).lastIndexOf(0x0a) + 1;
  const events: JobEvent[] = [];
  for (const line of chunk.toString("utf8", 0, whole).split("\n")) {
    const event = parseLine<JobEvent>(line);
    if (event !== null) events.push(event);
  }
  return { events, end: offset + whole };
}
