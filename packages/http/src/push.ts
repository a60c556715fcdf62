import type { Buffer } from "node:buffer";
import type { Reading } from "./reading.ts";

/** Lower-case names, as `node:http` gives them. Names that come twice are joined by ", ". */
export type HeaderFields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One HTTP request in plain values: what a framework's request is converted into, and all that the receiver reads. */
export interface Push {
  /** Upper case. */
  readonly method: string;
  /** Without the query, as it came: "/work". */
  readonly path: string;
  readonly headers: HeaderFields;
  /** The address at the other end of the socket, "unix" for a socket in the file system, null where nobody knows. */
  readonly peer: string | null;
  /**
   * Reads the body's bytes, whatever their type. Called once at the most. Rejects `PushRefused`: 413 past `maxBytes`,
   * 408 when they have not all come within `timeoutMs`, 400 when the sender has gone before the end. Says to `reading`
   * what has come, by which the slowest is found when too many are read at once, and stops when that one is dropped.
   */
  readonly read: (maxBytes: number, timeoutMs: number, reading: Reading) => Promise<Buffer>;
  /**
   * True when a parser before us read the body and `read` writes it out again: the bytes may not be the sender's, so
   * they are taken only from a carrier whose proof covers them.
   */
  readonly rewritten?: boolean;
  /** Calls `listener` when the sender goes away before the answer is out, at once if it has gone. */
  readonly onGone: (listener: () => void) => void;
}

/** What goes back. Converted into a framework's response, unchanged. */
export interface PushAnswer {
  /** 200 to 599. */
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A header's text; null when it is absent. */
export function header(headers: HeaderFields, name: string): string | null {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (value === undefined) return null;
  return typeof value === "string" ? value : value.join(", ");
}

/** What a peer counts is no greater: nine digits, as push.md has it. */
export const MOST_COUNTED = 999_999_999;

/** A whole number in a header, within bounds; null when it is absent or anything else. */
export function wholeHeader(headers: HeaderFields, name: string, least: number): number | null {
  const text = header(headers, name);
  if (text === null || !/^\d{1,9}$/.test(text)) return null;
  const value = Number(text);
  return value >= least ? value : null;
}
