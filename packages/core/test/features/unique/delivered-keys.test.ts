import { expect, test } from "vitest";
import type { UniqueKey } from "../../../src/backend/contract.ts";
import { createDeliveredKeys, type Delivered } from "../../../src/features/unique/delivered-keys.ts";
import { createLedgerKeys, recordKey } from "../../../src/features/unique/ledger-keys.ts";
import { createLedger } from "../../../src/memory/ledger.ts";

const HOUR_MS = 3_600_000;
const newDelivery = { type: "shop.sync", attempt: 1, lost: 0, releases: 0 };

/** A key that "waiting" has, whose job is stored; "ended" had it before, and its worker died once its end was marked. */
async function afterAnEnd(onConflict: UniqueKey["onConflict"]): Promise<{
  deliver(id: string, counts?: Partial<typeof newDelivery>): Promise<Delivered>;
}> {
  let version = 0;
  const ledger = createLedger(() => ++version);
  const unique: UniqueKey = { key: "acme", until: "end", onConflict };
  const [keys, delivered] = [createLedgerKeys(ledger, HOUR_MS), createDeliveredKeys(ledger, HOUR_MS)];
  const first = await delivered.deliver({ ...newDelivery, id: "ended" }, unique);
  if (first.kind !== "run" || first.kept === null) throw new Error("it has no key");
  await delivered.ending("ended", first.kept);
  // A minute later the mark has expired.
  await ledger.commit([{ key: recordKey(newDelivery.type, "acme"), ifVersion: "any", value: null }]);
  const message = { id: "waiting", type: newDelivery.type, delayMs: 0, unique };
  const reserved = await keys.reserve(message);
  if (reserved.kind !== "reserved") throw new Error("the key is taken");
  expect(await keys.confirm(message, reserved.reservation)).toBeNull();
  return { deliver: (id, counts) => delivered.deliver({ ...newDelivery, ...counts, id }, unique) };
}

test.for([
  ["replace", { lost: 1 }],
  ["replace", { attempt: 2 }],
  ["ignore", { releases: 1 }],
  ["reject", { lost: 1 }],
] as const)(
  "a job with onConflict %s that is delivered again (%j) once another has its key is kept as a dead letter, and the other runs",
  async ([onConflict, counts]) => {
    const { deliver } = await afterAnEnd(onConflict);
    const again = await deliver("ended", counts);
    expect(again).toMatchObject({ kind: "refused", error: { code: "DUPLICATE_JOB", duplicateOf: "waiting" } });
    expect(await deliver("waiting")).toMatchObject({ kind: "run" });
  },
);

test("a job of another program that is to replace takes the place of the job that waits", async () => {
  const { deliver } = await afterAnEnd("replace");
  expect(await deliver("foreign")).toMatchObject({ kind: "run" });
  expect(await deliver("waiting")).toEqual({ kind: "drop" });
});
