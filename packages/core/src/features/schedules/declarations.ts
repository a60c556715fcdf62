import { hash } from "node:crypto";
import type { Ledger } from "../../backend/ledger.ts";
import { ledgerKey, ledgerPrefix } from "../ledger-key.ts";

/** What one live worker declares, under `schedule/by/<worker>`. It expires when the worker has missed three heartbeats. */
export interface Declaration {
  /** Identifies the program: the `version` of its connection, and its declarations. */
  readonly program: string;
  /** When the first of the live workers of the program started, in Unix milliseconds. */
  readonly at: number;
  /** The names of its schedules, each as `nameMark`. */
  readonly names: readonly string[];
}

const DECLARED_BY = ledgerPrefix("schedule", "by");
const PAGE = 1_000;

/** Returns a short hash of a name: the names of thousands of schedules fit into one record. */
export const nameMark = (name: string): string => hash("sha256", name, "base64url").slice(0, 8);

/** Reads what the live workers declare, by worker. */
export async function liveDeclarations(ledger: Ledger): Promise<ReadonlyMap<string, Declaration>> {
  const found = new Map<string, Declaration>();
  for (let after = ""; ;) {
    const page = await ledger.list({ prefix: DECLARED_BY, ...(after !== "" && { after }), limit: PAGE });
    for (const { key, value } of page) {
      const declaration = parsed(value);
      if (declaration !== null) found.set(key, declaration);
    }
    after = page.at(-1)?.key ?? "";
    if (page.length < PAGE) return found;
  }
}

function parsed(value: string): Declaration | null {
  try {
    return JSON.parse(value) as Declaration;
  } catch {
    return null;
  }
}

/** Returns the marks of all names that are declared. */
export function liveNames(declarations: ReadonlyMap<string, Declaration>): ReadonlySet<string> {
  return new Set([...declarations.values()].flatMap(({ names }) => names));
}

/** Returns when the first live worker of this program started; `now` if there is none. */
export function startOf(program: string, declarations: ReadonlyMap<string, Declaration>, now: number): number {
  const same = [...declarations.values()].filter((one) => one.program === program).map(({ at }) => at);
  return Math.min(now, ...same);
}

/** Writes or renews what a worker declares. */
export async function declare(ledger: Ledger, worker: string, declaration: Declaration, ttlMs: number): Promise<void> {
  const key = ledgerKey("schedule", "by", worker);
  await ledger.commit([{ key, ifVersion: "any", value: JSON.stringify(declaration), expiresInMs: ttlMs }]);
}

/** Removes what a worker declares. */
export async function withdraw(ledger: Ledger, worker: string): Promise<void> {
  await ledger.commit([{ key: ledgerKey("schedule", "by", worker), ifVersion: "any", value: null }]);
}
