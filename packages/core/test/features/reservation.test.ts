import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { renewReservation } from "../../src/features/reservation.ts";
import { createLedger } from "../../src/memory/ledger.ts";

const MS = 400;
const key = "id/j";

async function reserved() {
  let version = 0;
  const inner = createLedger(() => ++version);
  const commit = await inner.commit([{ key, ifVersion: "absent", value: "mine", expiresInMs: MS }]);
  if (!commit.ok) throw new Error("there is a record");
  return { inner, reservation: { key, value: "mine", version: commit.versions[0] as number, expiresInMs: MS } };
}

test("a reservation outlasts its time while it is renewed, also after a renewal whose response was lost", async () => {
  const { inner, reservation } = await reserved();
  let isLost = true;
  const commit: typeof inner.commit = async (changes) => {
    const result = await inner.commit(changes);
    if (isLost) throw ((isLost = false), new Error("the connection was lost"));
    return result;
  };
  let losses = 0;
  const renewal = renewReservation({ ...inner, commit }, reservation, () => void losses++);
  await sleep(3 * MS);
  expect((await inner.read([key]))[0]).toMatchObject({ value: "mine", version: await renewal.end() });
  expect(losses).toBe(0);
});

test("a reservation that could not be renewed in its time is reported as lost, once", async () => {
  const { inner, reservation } = await reserved();
  let losses = 0;
  const commit = () => Promise.reject(new Error("the ledger is away"));
  const renewal = renewReservation({ ...inner, commit }, reservation, () => void losses++);
  await sleep(3 * MS);
  expect(losses).toBe(1);
  await renewal.end();
});
