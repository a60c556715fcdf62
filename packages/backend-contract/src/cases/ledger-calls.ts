import assert from "node:assert/strict";
import { type Ledger, type LedgerChange, ledgerOf, type LedgerRecord } from "@waybill/core/backend";
import type { Bench, ContractCase } from "../contract-case.ts";
import { hasLedger } from "./applies-to.ts";

type Opened = Pick<Bench, "backend">;

/** A rule of a backend that has a ledger. */
export const ledgerRule = (name: string, run: ContractCase["run"]): ContractCase => ({
  subject: "ledger",
  name,
  appliesTo: hasLedger,
  run,
});

export function ledger({ backend }: Opened): Ledger {
  const found = ledgerOf(backend);
  assert.ok(found);
  return found;
}

/** Writes a record that is not there, and asserts that it was written. */
export async function put(
  bench: Opened,
  key: string,
  value: string,
  times: Pick<LedgerChange, "dueInMs" | "expiresInMs"> = {},
): Promise<void> {
  const commit = await ledger(bench).commit([{ key, ifVersion: "absent", value, ...times }]);
  assert.ok(commit.ok, `the key "${key}" was not absent`);
}

export async function recordOf(bench: Opened, key: string): Promise<LedgerRecord | null> {
  const [record = null] = await ledger(bench).read([key]);
  return record;
}

/** The value of a record; null for none. */
export const valueIn = async (bench: Opened, key: string): Promise<string | null> =>
  (await recordOf(bench, key))?.value ?? null;

/** The version of a record; 0 for none. */
export const versionIn = async (bench: Opened, key: string): Promise<number> =>
  (await recordOf(bench, key))?.version ?? 0;

/** The conflicts of a commit of one change; none when it was made. */
export async function conflictsOf(bench: Opened, change: LedgerChange): Promise<readonly string[]> {
  const commit = await ledger(bench).commit([change]);
  return commit.ok ? [] : commit.conflicts;
}

/** The keys that are due under `prefix`, in their order. */
export const dueKeys = async (bench: Opened, prefix = "c/", limit = 100): Promise<string[]> =>
  (await ledger(bench).due({ prefix, limit })).map(({ key }) => key);

/** The keys that are listed under `prefix`, in their order. */
export const listedKeys = async (bench: Opened, prefix = "c/", limit = 100): Promise<string[]> =>
  (await ledger(bench).list({ prefix, limit })).map(({ key }) => key);
