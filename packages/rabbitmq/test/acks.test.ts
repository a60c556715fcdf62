import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import type { Backend, Lease } from "@waybill/core/backend";
import { freshStore, lease, message } from "./broker.ts";

/** All that `count` leases bring, one call after the other. */
async function taken(backend: Backend, count: number): Promise<Lease[]> {
  const leases: Lease[] = [];
  while (leases.length < count) {
    const some = await lease(backend, { limit: count - leases.length });
    expect(some, "a lease for each that is there").not.toEqual([]);
    leases.push(...some);
  }
  return leases;
}

test.each([
  ["from the front", (n: number) => n],
  ["from the back", (n: number) => 59 - n],
  ["in no order", (n: number) => (n * 37) % 60],
])(
  "acks %s remove what they name, a few at a time, and nothing that is held, put back or buried",
  async (_order, placeOf) => {
    const store = await freshStore();
    const backend = await store.open();
    const sent = Array.from({ length: 60 }, () => message());
    await backend.enqueue(sent);
    const leases = await taken(backend, 60);
    const byPlace = Array.from({ length: 60 }, (_, n) => leases[placeOf(n)]).filter((one) => one !== undefined);
    const fate = (of: number): Lease[] => byPlace.filter((_, n) => n % 6 === of);
    const [held, retried, buried] = [fate(0), fate(1), fate(2)];
    const acked = byPlace.filter((_, n) => n % 6 > 2);

    for (let from = 0; from < acked.length; from += 7) {
      const some = acked.slice(from, from + 7);
      expect(await backend.ack(some)).toEqual(some.map(() => ({ ok: true, value: null })));
      const [back, grave] = [retried[from / 7], buried[from / 7]];
      if (back) await backend.retry(back, { delayMs: 0, countsAttempt: true });
      if (grave) await backend.deadLetter(grave, { code: "TEST", message: "" });
    }
    for (const back of retried.slice(5)) await backend.retry(back, { delayMs: 0, countsAttempt: true });
    for (const grave of buried.slice(5)) await backend.deadLetter(grave, { code: "TEST", message: "" });
    const [again] = await backend.ack(acked.slice(0, 1));
    expect(again).toMatchObject({ ok: false, error: { code: "LEASE_LOST" } });
    await backend.close();

    const other = await store.open();
    const left = await taken(other, held.length + retried.length);
    const ids = (of: readonly Lease[]): string[] => of.map(({ id }) => id).toSorted();
    expect(ids(left)).toEqual(ids([...held, ...retried]));
    expect(await lease(other, { waitMs: 300 })).toEqual([]);
    expect(ids(left.filter(({ attempt }) => attempt === 2))).toEqual(ids(retried));
    await other.close();
    await store.remove();
  },
);

test("what has ended while one long job runs is not kept as long as that", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const store = await freshStore();
  const backend = await store.open();
  await backend.enqueue([message()]);
  const [long] = await taken(backend, 1);
  const ended: WeakRef<object>[] = [];
  for (let round = 0; round < 8; round++) {
    await backend.enqueue(Array.from({ length: 500 }, () => message()));
    const leases = await taken(backend, 500);
    ended.push(...leases.map(({ token }) => new WeakRef(token as object)));
    await backend.ack(leases);
  }
  await new Promise((resolve) => setTimeout(resolve, 10));
  collectGarbage();
  // Of 4,000; the last 500 are still in this function's hands.
  expect(ended.filter((one) => one.deref() !== undefined).length).toBeLessThanOrEqual(1_000);
  expect(long && (await backend.ack([long]))).toEqual([{ ok: true, value: null }]);
  await backend.close();
  await store.remove();
});
