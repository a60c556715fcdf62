import { printableJson } from "@waybill/core/endpoint";

/** One change that a user made, or tried to make, by the dashboard. */
export interface AuditLine {
  /** When, in ISO 8601. */
  readonly at: string;
  /** The `user` that `auth` returned; "loopback" where there is no `auth`. */
  readonly user: string;
  /** The name of the connection. */
  readonly connection: string;
  /** The action, as in its path: "dead/replay". */
  readonly action: string;
  /** What it was asked for: ids, a queue, a filter. The payload of a copy is left out. */
  readonly target: Readonly<Record<string, unknown>>;
  /** What it changed; null when it failed. */
  readonly result: unknown;
  /** The code of its error; null when it succeeded. */
  readonly error: string | null;
}

/** Prints one line of JSON, in which nothing of an id or a filter is obeyed by a terminal or forges a second line. */
export function printAudit(line: AuditLine): void {
  process.stdout.write(`${printableJson({ audit: "dashboard", ...line })}\n`);
}
