import { hash } from "node:crypto";
import type { Ledger } from "../../backend/ledger.ts";
import { ledgerKey, ledgerPrefix } from "../ledger-key.ts";
import { parsedValue } from "../record-value.ts";
import { allRecords } from "../all-records.ts";

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

/** Returns a short hash of a name: the names of thousands of schedules fit into one record. */
export const nameMark = (name: string): string => hash("sha256", name, "base64url").slice(0, 8);

/** A declaration as it was read. */
export interface FoundDeclaration extends Declaration {
  /** The version of its record. */
  readonly version: number;
}

/** Reads what the live workers declare, by `declarationKey`. Calls `unreadable` with the key of each record that is no declaration. */
export async function liveDeclarations(
  ledger: Ledger,
  unreadable: (key: string) => void = () => undefined,
): Promise<ReadonlyMap<string, FoundDeclaration>> {
  const found = new Map<string, FoundDeclaration>();
  for await (const record of allRecords(ledger, DECLARED_BY)) {
    const { key, version } = record;
    const declaration: unknown = parsedValue(record);
    if (isDeclaration(declaration)) found.set(key, { ...declaration, version });
    else unreadable(key);
  }
  return found;
}

function isDeclaration(value: unknown): value is Declaration {
  const { program, at, names } = Object(value) as { readonly [Name in keyof Declaration]?: unknown };
  if (typeof program !== "string" || !Number.isFinite(at)) return false;
  return Array.isArray(names) && names.every((name) => typeof name === "string");
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

export const declarationKey = (worker: string): string => ledgerKey("schedule", "by", worker);

/**
 * Writes or renews what a worker declares. `version`: that of the declaration to renew; null for none. Returns false where it was not
 * a renewal: the worker is new, or its declaration had expired, so that its schedules may have been removed since.
 */
export async function declare(
  ledger: Ledger,
  worker: string,
  declaration: Declaration,
  { ttlMs, version }: { readonly ttlMs: number; readonly version: number | null },
): Promise<boolean> {
  const change = { key: declarationKey(worker), value: JSON.stringify(declaration), expiresInMs: ttlMs };
  if (version !== null && (await ledger.commit([{ ...change, ifVersion: version }])).ok) return true;
  await ledger.commit([{ ...change, ifVersion: "any" }]);
  return false;
}

/** Removes what a worker declares. */
export async function withdraw(ledger: Ledger, worker: string): Promise<void> {
  await ledger.commit([{ key: declarationKey(worker), ifVersion: "any", value: null }]);
}
