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

/** Prints one line of JSON. JSON escapes line ends, so that no id or filter forges a second line. */
export function printAudit(line: AuditLine): void {
  process.stdout.write(`${JSON.stringify({ audit: "dashboard", ...line })}\n`);
}
