import assert from "node:assert/strict";
import type { Lease } from "@waybill/core/backend";
import type { Asked, Bench } from "../contract-case.ts";

/** Asks for one lease of each key of the limit "sync". */
export const one = { concurrency: { sync: 1 } };
/** Asks for one lease of each key of two limits. */
export const both = { concurrency: { api: 1, sync: 1 } };
export const acme = { limitKeys: { sync: "acme" } };

export const idsOf = (leases: readonly { readonly id: string }[]): string[] => leases.map(({ id }) => id).sort();

export async function ack({ backend }: Bench, ...leases: readonly Lease[]): Promise<void> {
  for (const result of await backend.ack(leases)) if (!result.ok) throw result.error;
}

/** Leases the job that may start now. Later does not count: a repair that runs from time to time would find it as well. */
export async function leaseSoon({ lease, promptMs }: Bench, asked: Asked): Promise<Lease> {
  const [leased] = await lease({ waitMs: promptMs, ...asked });
  assert.ok(leased, `no job of the key came within ${promptMs} ms`);
  return leased;
}
