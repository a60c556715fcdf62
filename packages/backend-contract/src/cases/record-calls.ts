import assert from "node:assert/strict";
import {
  type RecordChange,
  type RecordRange,
  type RecordStore,
  recordStoreOf,
  type StoredRecord,
} from "@waybill/core/backend";
import type { Bench, ContractCase } from "../contract-case.ts";
import { keepsRecords } from "./applies-to.ts";

type Opened = Pick<Bench, "backend">;

/** The enqueue of the first job of a rule, in Unix milliseconds. */
export const T0 = 1_800_000_000_000;

/** A rule of a backend that keeps records. */
export const recordRule = (name: string, run: ContractCase["run"]): ContractCase => ({
  subject: "records",
  name,
  appliesTo: keepsRecords,
  run,
});

/** The records of a scope; that of the backend's own jobs by default. */
export function records({ backend }: Opened, scope = ""): RecordStore {
  const found = recordStoreOf(backend, scope);
  assert.ok(found);
  return found;
}

/** A change of a job that waits, or as `part` says. */
export function change(id: string, part: Partial<RecordChange> = {}): RecordChange {
  const at = part.at ?? T0;
  return {
    id,
    type: "mail.send",
    queue: "mailers",
    tenant: null,
    enqueuedAt: T0,
    payload: null,
    state: "waiting",
    code: null,
    message: null,
    at,
    startedAt: null,
    endedAt: null,
    items: {},
    rank: 0,
    replaces: 0,
    ...part,
  };
}

/** Writes changes, each by itself. */
export async function writeEach(bench: Opened, ...changes: readonly RecordChange[]): Promise<void> {
  for (const one of changes) await records(bench).write([one]);
}

export async function recordOf(bench: Opened, id: string): Promise<StoredRecord> {
  const found = await records(bench).get(id);
  assert.ok(found, `there is no record of "${id}"`);
  return found;
}

/** The ids of the first page. */
export const idsOf = async (bench: Opened, range: Partial<RecordRange> = {}): Promise<string[]> =>
  (await records(bench).find({ limit: 100, ...range })).records.map(({ id }) => id);
