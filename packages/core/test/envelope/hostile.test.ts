import { expect, test } from "vitest";
import { tryHostileBodies } from "./hostile-trial.ts";

const BODIES = 15_000;

/** A million of them: `npm run fuzz:envelopes`. */
test(`${BODIES} mutated envelopes neither crash nor hang the parser, reach a handler unvalidated, or touch a prototype`, async () => {
  const { faults, bodies, accepted, handled, codes } = await tryHostileBodies(1, BODIES);
  expect(faults.slice(0, 3)).toEqual([]);
  expect(bodies).toBe(BODIES);
  // Neither all refused nor all accepted: the mutations reach past the first check, and past the last.
  expect(accepted).toBeGreaterThan(BODIES / 10);
  expect(handled).toBeGreaterThan(BODIES / 10);
  expect(codes.size).toBeGreaterThan(20);
});
