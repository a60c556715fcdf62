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

test("a key of one slot is full for the other jobs of a process without a call, until the slot is free", async () => {
  let [reads, commits, version] = [0, 0, 0];
  const inner = createLedger(() => ++version);
  const ledger: Ledger = {
    ...inner,
    read: (keys) => (reads++, inner.read(keys)),
    commit: (changes) => (commits++, inner.commit(changes)),
  };
  const slots = new KeySlots(ledger, 60_000);
  const key = { name: "crm", key: "acme", most: 1 };
  const asked = await Promise.all(["a", "b", "c"].map((job) => slots.take([key], job, nothing)));
  expect(asked).toEqual([expect.objectContaining({ lost: nothing }), key, key]);
  expect(await slots.take([{ ...key, key: "globex" }, key], "d", nothing)).toEqual(key);
  expect({ reads, commits }).toEqual({ reads: 0, commits: 1 });
  await slots.free(asked[0] as TakenSlots);
  expect(await slots.take([key], "b", nothing)).toMatchObject({ slots: [{ record: RECORD }] });
});

test("a key of one slot that another process has is full, and free once that one has freed it", async () => {
  let version = 0;
  const ledger = createLedger(() => ++version);
  const [here, there] = [new KeySlots(ledger, 60_000), new KeySlots(ledger, 60_000)];
  const key = { name: "crm", key: "acme", most: 1 };
  const other = { name: "mail", key: "acme", most: 2 };
  const taken = await take(there, nothing);
  expect(await here.take([other, key], "b", nothing)).toEqual(key);
  expect(await ledger.read(["limit/mail/acme/0", "limit/mail/acme/1"])).toEqual([null, null]);
  await there.free(taken);
  await expect.poll(() => here.take([other, key], "b", nothing), { timeout: 20_000 }).toHaveProperty("slots");
});

test("a slot that was lost to another process is asked for again", async () => {
  let version = 0;
  const ledger = createLedger(() => ++version);
  const slots = new KeySlots(ledger, LEASE_MS);
  const { promise: lost, resolve: lose } = Promise.withResolvers<void>();
  const taken = await take(slots, lose);
  await ledger.commit([{ key: RECORD, ifVersion: "any", value: "another" }]);
  await lost;
  await slots.free(taken);
  await ledger.commit([{ key: RECORD, ifVersion: "any", value: null }]);
  expect(await slots.take([{ name: "crm", key: "acme", most: 1 }], "b", nothing)).toHaveProperty("slots");
});
