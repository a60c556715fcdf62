import { expect, test } from "vitest";
import { createHeap, type Timed } from "../../src/memory/heap.ts";

/** A small generator with a fixed seed, so that a failure can be looked at twice. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
}

test("a heap gives the earliest first, and the first to come among equals, whatever is taken out of its middle", () => {
  const next = numbers(7);
  const heap = createHeap<Timed>();
  let model: Timed[] = [];
  for (let seq = 0; seq < 5_000; seq += 1) {
    const item = { at: next() % 50, seq, slot: -1 };
    heap.push(item);
    model.push(item);
    if (seq % 3 === 0) {
      const victim = model[next() % model.length] as Timed;
      heap.remove(victim);
      model = model.filter((one) => one !== victim);
    }
  }
  model.sort((a, b) => a.at - b.at || a.seq - b.seq);
  const left: Timed[] = [];
  for (let first = heap.peek(); first !== undefined; first = heap.peek()) {
    left.push(first);
    heap.remove(first);
  }
  expect(left).toEqual(model);
  expect(heap.size()).toBe(0);
});
