import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Ledger } from "../../../src/exports/backend.ts";
import { KeySlots, type TakenSlots } from "../../../src/features/limits/slot-records.ts";
import { createLedger } from "../../../src/memory/ledger.ts";

const LEASE_MS = 90;
const nothing = (): void => {};
const RECORD = "limit/crm/acme/0";

/** A ledger whose records do not expire, and whose commits after the first wait for `release`. */
function heldLedger() {
  let version = 0;
  const inner = createLedger(() => ++version);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  let commits = 0;
  const ledger: Ledger = {
    ...inner,
    async commit(changes) {
      commits += 1;
      if (commits > 1) await released;
      return inner.commit(changes.map(({ key, ifVersion, value }) => ({ key, ifVersion, value })));
    },
  };
  return { ledger, release, commits: () => commits, slot: async () => (await inner.read([RECORD]))[0] };
}

async function take(slots: KeySlots, lost: () => void): Promise<TakenSlots> {
  const taken = await slots.take([{ name: "crm", key: "acme", most: 1 }], "job", lost);
  if (!("slots" in taken)) throw new Error("the key is full");
  return taken;
}

test("a ledger that is slow to renew a slot costs no running job its slot", async () => {
  const { ledger, release, slot } = heldLedger();
  const slots = new KeySlots(ledger, LEASE_MS);
  let losses = 0;
  const taken = await take(slots, () => void losses++);
  // Several renewals are due meanwhile.
  await sleep(5 * LEASE_MS);
  release();
  await sleep(LEASE_MS);
  expect(losses).toBe(0);
  await slots.free(taken);
  expect(await slot()).toBeNull();
});

test("the slot of a job that ends while the slot is renewed is free", async () => {
  const { ledger, release, commits, slot } = heldLedger();
  const slots = new KeySlots(ledger, LEASE_MS);
  const taken = await take(slots, nothing);
  await expect.poll(commits).toBe(2);
  const freed = slots.free(taken);
  release();
  await freed;
  expect(await slot()).toBeNull();
});
