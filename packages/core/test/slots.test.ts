import { describe, expect, it } from "vitest";
import { Held } from "../src/held.ts";
import { Slots } from "../src/slots.ts";
import { lease } from "./lease.ts";

/** Places for one queue without any limits of types. */
const places = (concurrency: number, fetchAhead = 500): Slots =>
  new Slots({ concurrency, fetchAhead, queues: new Map([["default", 1]]), typeConcurrency: new Map(), maxLost: 20 });

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
    const slots = places(1);
    expect(slots.wanted("default")).toBe(1);
    runAll(slots, 60, 0.01);
    expect(slots.wanted("default")).toBeLessThanOrEqual(1 + 120);
    runAll(slots, 500, 0.01);
    expect(slots.wanted("default")).toBe(501);
  });

  it("no more is leased ahead than the places end in a tenth of a second", () => {
    const slots = places(2);
    runAll(slots, 500, 10);
    expect(slots.wanted("default")).toBe(2 + 20);
  });

  it("no more is leased ahead than the worker's option says, and no more settled behind", () => {
    const slots = places(4, 20);
    runAll(slots, 500, 0.01);
    expect(slots.wanted("default")).toBe(4 + 20);
    for (let index = 0; index < 20; index++) run(slots, 0.01);
    expect(slots.wanted("default")).toBe(0);
  });

  it("with nothing ahead, running jobs and outcomes being stored share the places", () => {
    const slots = places(4, 0);
    runAll(slots, 500, 0.01);
    expect(slots.wanted("default")).toBe(4);
    const open = [run(slots, 0.01), run(slots, 0.01), run(slots, 0.01)];
    expect(slots.wanted("default")).toBe(1);
    run(slots, 0.01);
    expect(slots.wanted("default")).toBe(0);
    for (const held of open) slots.forget(held);
    expect(slots.wanted("default")).toBe(3);
  });

  it("quick jobs go on while up to 500 outcomes are being stored, slow ones while one a place is", () => {
    const quick = places(1);
    runAll(quick, 500, 0.01);
    for (let index = 0; index < 500; index++) run(quick, 0.01);
    expect(quick.wanted("default")).toBe(0);
    const slow = places(10);
    for (let index = 0; index < 10; index++) run(slow, 2_000);
    expect(slow.wanted("default")).toBe(0);
  });

  it("an outcome that is not taken makes a worker start over: no job starts until the backend has caught up", () => {
    const slots = places(1);
    runAll(slots, 500, 0.01);
    const open = Array.from({ length: 100 }, () => run(slots, 0.01));
    slots.add(new Held(lease));
    slots.startOver();
    expect(slots.next()).toBeNull();
    for (const held of open.slice(0, 93)) slots.forget(held);
    expect(slots.next()).not.toBeNull();
  });
});
