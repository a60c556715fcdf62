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

/** Some events in order. */
export interface Batch {
  readonly events: readonly JobEvent[];
  /** Marks the events as delivered. Without this call, `next` returns them again. */
  delivered(): void;
}

/**
 * Keeps the worker's events in a file until the web process has them. `append` writes the event before it returns, so
 * no event is lost when the web process is down or this process is killed. After a kill, some may be delivered twice.
 */
export interface Spool {
  readonly source: string;
  append(event: Omit<JobEvent, "source" | "pid" | "seq">): void;
  /** Returns the oldest undelivered events, those of killed workers first, or null when there are none. */
  next(): Batch | null;
  /** Removes the file if it is empty. A later worker delivers the events of a file that remains. */
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

  /** Reads the complete lines of a killed worker's file. Removes the file once all are delivered. */
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

/** Lists the spool files whose worker no longer runs, oldest first. */
function abandoned(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => {
    const pid = /^\d+-\w+-(\d+)\.ndjson$/.exec(name)?.[1];
    return pid !== undefined && (Number(pid) === process.pid || !isAlive(Number(pid)));
  });
  return names.sort();
}

/** Reads complete lines from `offset` on, up to 256 KiB, and returns the offset of their end. */
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
