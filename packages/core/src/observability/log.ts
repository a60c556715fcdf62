import type { DeadReason } from "../backend/contract.ts";
import type { ErrorRecord } from "../values/error-record.ts";
import { within } from "../time/time-limit.ts";
import type { EventBus, EventName, WaybillEvents } from "./events.ts";
import { WaybillError } from "../errors.ts";
import { printableJson } from "../values/printable.ts";
import { describeValue } from "../known-options.ts";
import { type Place, placeOf } from "../values/place.ts";
import { levelOf, type LogLine, prettyText } from "./log-text.ts";
import { cutText } from "../values/any-value.ts";

export interface LogSink {
  write(line: LogLine): void;
  /** Resolves when everything written so far has left the process. */
  flush(): Promise<void>;
}

/** The events that are logged. `finished` is not: `settled` follows it once the outcome is stored. */
const LOGGED: readonly EventName[] = [
  "booted",
  "enqueued",
  "duplicate",
  "unknown_type",
  "started",
  "settled",
  "rejected",
  "lease_lost",
  "cancelled",
  "paused",
  "resumed",
  "control_unread",
  "unavailable",
  "recovered",
  "unlisted",
  "tick",
  "unscheduled",
  "ledger_unavailable",
  "ledger_available",
  "records_unavailable",
  "records_available",
  "records_dropped",
  "queue_without_worker",
  "queue_has_worker",
  "push_refused",
  "receiver_unavailable",
  "receiver_recovered",
  "stopped",
];

/**
 * Where log lines go. "stdout": to stdout, as readable text if that is a terminal, else as JSON. "json" and "pretty": to stdout,
 * always in that form. "off": no lines. A function: called with each line.
 */
export type LogOption = "stdout" | "json" | "pretty" | "off" | ((line: LogLine) => void);

/** Sinks on stdout by their events, so that a receiver on the events of a connection logs nothing twice. */
const onStdout = new WeakMap<EventBus, LogSink>();

/** Writes one line for each logged event. Await `flush` before the process ends. Throws `CONFIG_INVALID` for an invalid option. */
export function logTo(events: EventBus, log: LogOption): Pick<LogSink, "flush"> {
  if (log === "off") return { flush: async () => {} };
  const text = typeof log === "function" ? null : formOf(log);
  const known = text === null ? undefined : onStdout.get(events);
  if (known) return known;
  const sink = typeof log === "function" ? functionSink(log) : stdoutSink(text ?? printableJson);
  if (text !== null) onStdout.set(events, sink);
  logEvents(events, sink);
  return sink;
}

type Form = (line: LogLine) => string | undefined;

function formOf(log: unknown): Form {
  switch (log) {
    case "stdout":
      return process.stdout.isTTY ? prettyText : printableJson;
    case "json":
      return printableJson;
    case "pretty":
      return prettyText;
    default:
      throw new WaybillError(
        "CONFIG_INVALID",
        `log is ${describeValue(log)}: "stdout", "json", "pretty", "off" or a function`,
      );
  }
}

/** Calls `sink` with one line for each logged event. */
export function logEvents(events: EventBus, sink: LogSink): void {
  const place = placeOf(process.env);
  for (const name of LOGGED) events.on(name, (event) => sink.write(lineOf(name, event, place)));
}

/** Returns an event as it is logged. */
export function lineOf(
  name: EventName,
  event: WaybillEvents[EventName] & { readonly at: number },
  place: Place,
): LogLine {
  const { at, ...fields } = event;
  const said = "reason" in fields && typeof fields.reason === "object" ? reasonFields(fields.reason) : {};
  const message = "message" in fields ? { message: cutText(fields.message) } : {};
  const { error: _asThrown, ...plain } = { error: undefined, ...fields };
  return {
    at: new Date(at).toISOString(),
    level: levelOf(name, event),
    event: name,
    ...place,
    ...plain,
    ...said,
    ...message,
  };
}

/** Moves the error from the reason to the line itself, where log tools look for it. */
function reasonFields({ error, ...reason }: DeadReason): { readonly reason: DeadReason; readonly error?: ErrorRecord } {
  return { reason, ...(error && { error }) };
}

/** Longest wait of `flush`, for a reader of stdout that has stopped reading, and for Jest, whose stdout never calls back. */
const FLUSH_MS = 500;
let stdoutIsOpen = true;
let stdoutIsWatched = false;

function watchStdout(): void {
  if (stdoutIsWatched) return;
  stdoutIsWatched = true;
  // Never removed: a later write to stdout emits the error again, and without a listener it would end the process.
  process.stdout.on("error", () => (stdoutIsOpen = false));
}

/** Calls `left` once the text has left the process, or cannot leave it. A file or a terminal may throw at once. */
function writeOut(text: string, left: () => void = () => undefined): void {
  try {
    process.stdout.write(text, left);
  } catch {
    stdoutIsOpen = false;
    left();
  }
}

/**
 * Returns a sink that writes to stdout. Lines of one turn of the event loop are written together; a `started` line is written
 * at once with those before it, since its handler may end the process. A closed stdout ends the log, not the worker.
 */
export function stdoutSink(form: Form): LogSink {
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
      lines.push(`${form(line)}\n`);
      if (line.event === "started") send();
    },
    async flush() {
      send();
      if (stdoutIsOpen) await within(new Promise<void>((resolve) => writeOut("", resolve)), FLUSH_MS);
    },
  };
}

export function functionSink(write: (line: LogLine) => void): LogSink {
  return { write, flush: async () => {} };
}
