import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import type { Backend, Lease } from "@waybill/core/backend";
import { fromUrl } from "../src/index.ts";
import { context, freshStore, lease, message } from "./fixture.ts";

/** Leases `count` messages, in as many calls as that takes. */
async function leaseAll(backend: Backend, count: number): Promise<Lease[]> {
  const leases: Lease[] = [];
  while (leases.length < count) {
    const some = await lease(backend, { limit: count - leases.length });
    expect(some, "one lease per message").not.toEqual([]);
    leases.push(...some);
  }
  return leases;
}

test.each([
  ["from the front", (n: number) => n],
  ["from the back", (n: number) => 59 - n],
  ["in no order", (n: number) => (n * 37) % 60],
])(
  "acks %s, seven at a time, remove their messages, and no message that is leased, retried or dead-lettered",
  async (_order, placeOf) => {
    const store = await freshStore();
    const backend = await store.open();
    const sent = Array.from({ length: 60 }, () => message());
    await backend.enqueue(sent);
    const leases = await leaseAll(backend, 60);
    const byPlace = Array.from({ length: 60 }, (_, n) => leases[placeOf(n)]).filter((one) => one !== undefined);
    const fate = (of: number): Lease[] => byPlace.filter((_, n) => n % 6 === of);
    const [leased, retried, dead] = [fate(0), fate(1), fate(2)];
    const acked = byPlace.filter((_, n) => n % 6 > 2);

    for (let from = 0; from < acked.length; from += 7) {
      const some = acked.slice(from, from + 7);
      expect(await backend.ack(some)).toEqual(some.map(() => ({ ok: true, value: null })));
      const [toRetry, toDeadLetter] = [retried[from / 7], dead[from / 7]];
      if (toRetry) await backend.retry(toRetry, { delayMs: 0, countsAttempt: true });
      if (toDeadLetter) await backend.deadLetter(toDeadLetter, { code: "TEST", message: "" });
    }
    for (const one of retried.slice(5)) await backend.retry(one, { delayMs: 0, countsAttempt: true });
    for (const one of dead.slice(5)) await backend.deadLetter(one, { code: "TEST", message: "" });
    const [again] = await backend.ack(acked.slice(0, 1));
    expect(again).toMatchObject({ ok: false, error: { code: "LEASE_LOST" } });
    await backend.close();

    const other = await store.open();
    const left = await leaseAll(other, leased.length + retried.length);
    const ids = (of: readonly Lease[]): string[] => of.map(({ id }) => id).toSorted();
    expect(ids(left)).toEqual(ids([...leased, ...retried]));
    expect(await lease(other, { waitMs: 300 })).toEqual([]);
    expect(ids(left.filter(({ attempt }) => attempt === 2))).toEqual(ids(retried));
    await other.close();
    await store.remove();
  },
);

test("settled deliveries are garbage-collected while an older job still runs", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const store = await freshStore();
  const backend = await store.open();
  await backend.enqueue([message()]);
  const [long] = await leaseAll(backend, 1);
  const ended: WeakRef<object>[] = [];
  for (let round = 0; round < 8; round++) {
    await backend.enqueue(Array.from({ length: 500 }, () => message()));
    const leases = await leaseAll(backend, 500);
    ended.push(...leases.map(({ token }) => new WeakRef(token as object)));
    await backend.ack(leases);
  }
  await new Promise((resolve) => setTimeout(resolve, 10));
  collectGarbage();
  // Of 4,000. This function still refers to the last 500.
  expect(ended.filter((one) => one.deref() !== undefined).length).toBeLessThanOrEqual(1_000);
  expect(long && (await backend.ack([long]))).toEqual([{ ok: true, value: null }]);
  await backend.close();
  await store.remove();
});

test("jobs that are leased and acked one after another share one subscription", async () => {
  const store = await freshStore({}, { queues: ["default"] });
  const backend = await fromUrl(store.url)(context);
  for (let n = 0; n < 8; n += 1) {
    await backend.enqueue([message()]);
    await backend.ack(await leaseAll(backend, 1));
  }
  const [counts] = await backend.inspector.counts(["default"]);
  expect(counts?.workers).toBeLessThanOrEqual(1);
  await backend.close();
  await store.remove();
});

test("a lease that is not extended ends although its connection lives: another worker runs the job, and the late ack is lost", async () => {
  const store = await freshStore();
  const [worker, other] = [await store.open(), await store.open()];
  const [extended, forgotten] = [message(), message()];
  await worker.enqueue([extended, forgotten]);
  const leaseMs = 6_000;
  const leases: Lease[] = [];
  while (leases.length < 2) leases.push(...(await lease(worker, { limit: 2, leaseMs })));
  const [kept, lost] = [extended, forgotten].map(({ id }) => leases.filter((one) => one.id === id));

  const extending = setInterval(() => void worker.extend(kept ?? [], leaseMs), 100);
  try {
    const taken = await lease(other, { limit: 2, leaseMs, waitMs: 30_000 });
    expect(taken.map(({ id, lost: times, attempt }) => ({ id, times, attempt }))).toEqual([
      { id: forgotten.id, times: 1, attempt: 1 },
    ]);
    expect(await worker.ack(lost ?? [])).toMatchObject([{ ok: false, error: { code: "LEASE_LOST" } }]);
    expect(await worker.ack(kept ?? [])).toEqual([{ ok: true, value: null }]);
    expect(await other.ack(taken)).toEqual([{ ok: true, value: null }]);
  } finally {
    clearInterval(extending);
  }
  await Promise.all([worker.close(), other.close()]);
  await store.remove();
});
