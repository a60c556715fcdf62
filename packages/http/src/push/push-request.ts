import type { Buffer } from "node:buffer";
import type { BodyTransfer } from "./body-transfer.ts";

/** Lower-case names, as `node:http` gives them. The values of a name that came twice are joined by ", ". */
export type HeaderFields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One HTTP request in plain values. A framework's request is converted into this, and endpoints read nothing else. */
export interface PushRequest {
  /** Upper case. */
  readonly method: string;
  /** As it came, without the query: "/work". */
  readonly path: string;
  readonly headers: HeaderFields;
  /** The address of the socket's other end, "unix" for a socket in the file system, null if it is not known. */
  readonly peer: string | null;
  /**
   * Reads the body's bytes, whatever their type. Called at most once. Rejects `PushRefused`: 413 past `maxBytes`, 408 if
   * they have not all come within `timeoutMs`, 400 if the connection closes before the end. Reports to `transfer` how many
   * bytes have come, and stops when the transfer is dropped.
   */
  readonly read: (maxBytes: number, timeoutMs: number, transfer: BodyTransfer) => Promise<Buffer>;
  /**
   * True if a parser read the body first and `read` serialises it again. The bytes may differ from those that were sent,
   * so they are accepted only from a carrier whose signature covers them.
   */
  readonly rewritten?: boolean;
  /** Calls `listener` when the connection closes before the response is sent; at once if it has closed already. */
  readonly onDisconnect: (listener: () => void) => void;
}

/** Returns a header's text, or null if it is absent. */
export function header(headers: HeaderFields, name: string): string | null {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (value === undefined) return null;
  return typeof value === "string" ? value : value.join(", ");
}

/** The largest count that is accepted from another program: nine digits, as in push.md. */
export const MAX_COUNT = 999_999_999;

/** Returns a whole number of at least `least` from a header, or null if it is absent or anything else. */
export function wholeHeader(headers: HeaderFields, name: string, least: number): number | null {
  const text = header(headers, name);
  if (text === null || !/^\d{1,9}$/.test(text)) return null;
  const value = Number(text);
  return value >= least ? value : null;
}
