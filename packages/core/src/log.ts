import { hostname } from "node:os";
import type { EventBus, EventName, WaybillEvents } from "./events.ts";
import { harmlessJson } from "./harmless.ts";
import { cutText, describeError, errorFrames } from "./thrown.ts";

/** One transition, ready for `JSON.stringify`. */
export interface LogLine {
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly event: EventName;
  readonly host: string;
  readonly [field: string]: unknown;
}

export interface LogSink {
  write(line: LogLine): void;
  /** Resolves when everything written so far has left the process. */
  flush(): Promise<void>;
}

/** What happened to a job or to a worker; `finished` is left out, since `settled` says it once it is true. */
const LOGGED: readonly EventName[] = [
  "booted",
  "enqueued",
  "unknown_type",
  "started",
  "settled",
  "rejected",
  "lease_lost",
  "unavailable",
  "recovered",
  "unlisted",
  "push_refused",
  "receiver_unavailable",
  "receiver_recovered",
  "stopped",
];

/** Where the lines go: to stdout, nowhere, or into a function. */
export type LogOption = "stdout" | "off" | ((line: LogLine) => void);

/** What writes to stdout already: a receiver on the events of a connection says nothing twice. */
const onStdout = new WeakMap<EventBus, LogSink>();

/** Writes one line per transition. Resolve `flush` before the process ends. */
export function logTo(events: EventBus, log: LogOption): Pick<LogSink, "flush"> {
  if (log === "off") return { flush: async () => {} };
  const known = log === "stdout" ? onStdout.get(events) : undefined;
  if (known) return known;
  const sink = log === "stdout" ? stdoutSink() : functionSink(log);
  if (log === "stdout") onStdout.set(events, sink);
  logEvents(events, sink);
  return sink;
}

/** Writes one line per transition. */
export function logEvents(events: EventBus, sink: LogSink): void {
  const host = hostname();
  for (const name of LOGGED) events.on(name, (event) => sink.write(lineOf(name, event, host)));
}

function lineOf(name: EventName, event: WaybillEvents[EventName] & { readonly at: number }, host: string): LogLine {
  const { at, ...fields } = event;
  const error = "error" in fields && fields.error ? errorFields(fields.error) : {};
  const message = "message" in fields ? { message: cutText(fields.message) } : {};
  return { at: new Date(at).toISOString(), event: name, host, ...fields, ...error, ...message };
}

function errorFields(error: Error): { readonly error: string; readonly stack?: readonly string[] } {
  const stack = errorFrames(error);
  return { error: describeError(error), ...(stack && { stack }) };
}

let stdoutIsOpen = true;
let stdoutIsWatched = false;

function watchStdout(): void {
  if (stdoutIsWatched) return;
  stdoutIsWatched = true;
  // For good: whoever else writes there meets the same error again, and without a listener it ends the process.
  process.stdout.on("error", () => (stdoutIsOpen = false));
}

/** Calls `left` once it has left the process, or cannot. A file or a terminal may throw at once. */
function writeOut(text: string, left: () => void = () => undefined): void {
  try {
    process.stdout.write(text, left);
  } catch {
    stdoutIsOpen = false;
    left();
  }
}

/**
 * Lines of one turn of the event loop leave together, but that `started` leaves at once, with all before it: its handler
 * may end the process. A reader that has gone away ends the log, not the worker.
 */
export function stdoutSink(): LogSink {
  let lines: string[] = [];
  watchStdout();
  const send = (): void => {
    const text = lines.join("");
    lines = [];
    if (text !== "" && stdoutIsOpen) writeOut(text);
  };
  return {
    write(line) {
      if (lines.length === 0) setImmediate(send);
      lines.push(`${harmlessJson(line)}\n`);
      if (line.event === "started") send();
    },
    async flush() {
      send();
      if (stdoutIsOpen) await new Promise<void>((resolve) => writeOut("", resolve));
    },
  };
}

export function functionSink(write: (line: LogLine) => void): LogSink {
  return { write, flush: async () => {} };
}
