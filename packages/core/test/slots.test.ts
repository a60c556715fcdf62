import { describe, expect, it } from "vitest";
import type { Lease } from "../src/backend.ts";
import { Held } from "../src/held.ts";
import { Slots } from "../src/slots.ts";

const lease: Lease = {
  id: "id",
  type: "slots.noop",
  queue: "default",
  priority: 0,
  tenant: null,
  signature: null,
  body: "",
  attempt: 1,
  lost: 0,
  releases: 0,
  dueAt: null,
  expiresAt: null,
  token: null,
};

/** Adds a lease, starts it, and ends it after `ranMs`; its settle begins and does not end. */
function run(slots: Slots, ranMs: number): Held {
  slots.add(new Held(lease));
  const held = slots.next();
  if (held === null) throw new Error("no place was free");
  held.ranMs = ranMs;
  slots.free(held);
  return held;
}

function runAll(slots: Slots, count: number, ranMs: number): void {
  for (let index = 0; index < count; index++) slots.forget(run(slots, ranMs));
}

describe("the places of a worker", () => {
  it("a new worker leases one job a place, then twice what has ended, until 500 are ahead of the places", () => {
    const slots = new Slots(1, ["default"]);
    expect(slots.wanted()).toBe(1);
    runAll(slots, 60, 0.01);
    expect(slots.wanted()).toBeLessThanOrEqual(1 + 120);
    runAll(slots, 500, 0.01);
    expect(slots.wanted()).toBe(501);
  });

  it("no more is leased ahead than the places end in a tenth of a second", () => {
    const slots = new Slots(2, ["default"]);
    runAll(slots, 500, 10);
    expect(slots.wanted()).toBe(2 + 20);
  });

  it("quick jobs go on while up to 500 outcomes are being stored, slow ones while one a place is", () => {
    const quick = new Slots(1, ["default"]);
    runAll(quick, 500, 0.01);
    for (let index = 0; index < 500; index++) run(quick, 0.01);
    expect(quick.wanted()).toBe(0);
    const slow = new Slots(10, ["default"]);
    for (let index = 0; index < 10; index++) run(slow, 2_000);
    expect(slow.wanted()).toBe(0);
  });

  it("an outcome that is not taken makes a worker start over: no job starts until the backend has caught up", () => {
    const slots = new Slots(1, ["default"]);
    runAll(slots, 500, 0.01);
    const open = Array.from({ length: 100 }, () => run(slots, 0.01));
    slots.add(new Held(lease));
    slots.startOver();
    expect(slots.next()).toBeNull();
    for (const held of open.slice(0, 93)) slots.forget(held);
    expect(slots.next()).not.toBeNull();
  });
});
