import { styleText } from "node:util";
import { errorText, type ErrorRecord } from "../values/error-record.ts";
import type { EventName, WaybillEvents } from "./events.ts";
import { printable, printableJson } from "../values/printable.ts";

/** The severity of a line. A person must know of an "error". */
export type LogLevel = "info" | "warn" | "error";

/** One transition, ready for `JSON.stringify`. */
export interface LogLine {
  /** RFC 3339, UTC. */
  readonly at: string;
  /**
   * "error": a job became a dead letter, or a backend or receiver is unavailable. "warn": an attempt failed, a job was
   * discarded, a lease was lost, a request was refused, pauses and cancels cannot be read.
   */
  readonly level: LogLevel;
  readonly event: EventName;
  readonly host: string;
  /** In Amazon ECS: the id of the task on Fargate, else of the container. Omitted elsewhere. */
  readonly task?: string;
  readonly [field: string]: unknown;
}

const LEVELS: Partial<Record<EventName, LogLevel>> = {
  unknown_type: "warn",
  rejected: "error",
  lease_lost: "warn",
  unavailable: "error",
  control_unread: "warn",
  unlisted: "warn",
  unscheduled: "error",
  ledger_unavailable: "error",
  records_unavailable: "error",
  records_dropped: "warn",
  queue_without_worker: "error",
  push_refused: "warn",
  receiver_unavailable: "error",
};

export function levelOf(name: EventName, event: WaybillEvents[EventName]): LogLevel {
  if (!("outcome" in event)) return LEVELS[name] ?? "info";
  if (event.outcome === "retry") return "warn";
  // Most likely no worker has a handler for it.
  if (event.outcome === "release" && event.reason?.code === "JOB_UNKNOWN") return "warn";
  if (event.outcome !== "dead") return "info";
  // A discarded job ended as its handler or its definition asked. Only this line remains of it.
  return event.kept === false ? "warn" : "error";
}

/** Fields that a reader of one terminal knows or does not need. */
const LEFT_OUT: ReadonlySet<string> = new Set(["host", "task", "worker", "traceparent", "offers", "waitMs"]);
/** Fields that are omitted when they are 0. */
const ZERO_LEFT_OUT: ReadonlySet<string> = new Set([
  "lost",
  "releases",
  "delayMs",
  "rejected",
  "unfinished",
  "retried",
  "discarded",
]);

/**
 * Returns a log line as one readable line: event, job, outcome, the other fields, and the reason. Omits the time, the level and
 * the error, which `errorText` formats. Replaces control characters. Never throws.
 */
export function logText(line: LogLine): string {
  const { at: _at, level: _level, event, type, id, outcome, reason, message, error: _error, ...rest } = line;
  const facts = Object.entries(rest).filter(
    ([name, value]) =>
      !LEFT_OUT.has(name) && !(value === 0 && ZERO_LEFT_OUT.has(name)) && !(name === "kept" && value === true),
  );
  const said = [event, type, id, outcome]
    .filter((word) => typeof word === "string" && word !== "")
    .concat(facts.map(([name, value]) => `${name}=${typeof value === "string" ? value : printableJson(value)}`));
  const why = reasonText(reason) ?? message;
  const text = `${said.join(" ")}${typeof why === "string" ? `: ${why}` : ""}`;
  return printable(text.replaceAll(/[\r\n]+/g, " "));
}

/** Returns the code and message of an outcome. Any other event has a text or none. */
function reasonText(given: unknown): unknown {
  if (typeof given !== "object" || given === null) return given;
  const { code, message } = given as { readonly code?: unknown; readonly message?: unknown };
  // The code of an error without one is its name, with which its message begins already.
  const text = String(message);
  return text.startsWith(`${String(code)}: `) ? text : `${String(code)}: ${text}`;
}

const COLOUR = { info: "cyan", warn: "yellow", error: "red" } as const;

/**
 * Returns a log line for a terminal: the local time of day, the line of `logText`, and below it, indented, the error with its
 * stack and causes. In colour where stdout is a terminal, unless NO_COLOR is set.
 */
export function prettyText(line: LogLine): string {
  const { at, level, error } = line;
  const [event = "", ...words] = logText(line).split(" ");
  const style = (format: "dim" | "green" | (typeof COLOUR)[LogLevel], text: string): string =>
    styleText(format, text, { stream: process.stdout });
  const colour = line["outcome"] === "completed" ? "green" : COLOUR[level];
  const first = `${style("dim", timeOfDay(at))} ${style(colour, event.padEnd(8))} ${words.join(" ")}`;
  const thrown = error === undefined ? [] : errorText(error as ErrorRecord).split("\n");
  return [first, ...thrown.map((text, n) => `    ${n === 0 ? style(colour, printable(text)) : printable(text)}`)].join(
    "\n",
  );
}

function timeOfDay(at: string): string {
  const time = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const seconds = `${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, "0")}`;
  return `${two(time.getHours())}:${two(time.getMinutes())}:${seconds}`;
}
