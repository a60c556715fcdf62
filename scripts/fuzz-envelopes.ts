// Mutated envelopes through the parser and through `execute`: none may crash or hang it, reach a handler unvalidated or change
// a prototype. `npm run fuzz:envelopes -- [bodies a seed] [seed…]`; without arguments a million, by seeds that are kept.
import { tryHostileBodies } from "../packages/core/test/envelope/hostile-trial.ts";

const [bodiesEach = "100000", ...given] = process.argv.slice(2);
const seeds = given.length > 0 ? given.map(Number) : [101, 102, 103, 104, 105, 106, 107, 108, 109, 110];
const total = { bodies: 0, accepted: 0, handled: 0, faults: 0, slowestMs: 0, seconds: 0 };
const codes = new Map<string, number>();

for (const seed of seeds) {
  const startedAt = performance.now();
  const trial = await tryHostileBodies(seed, Number(bodiesEach));
  const seconds = (performance.now() - startedAt) / 1_000;
  for (const fault of trial.faults.slice(0, 10)) console.log(fault);
  for (const [code, count] of trial.codes) codes.set(code, (codes.get(code) ?? 0) + count);
  total.bodies += trial.bodies;
  total.accepted += trial.accepted;
  total.handled += trial.handled;
  total.faults += trial.faults.length;
  total.slowestMs = Math.max(total.slowestMs, trial.slowestMs);
  total.seconds += seconds;
  console.log(
    `seed ${seed}: ${trial.bodies} bodies, ${trial.accepted} accepted, ${trial.handled} reached a handler, ${trial.codes.size} codes, ` +
      `${trial.faults.length} faults, slowest ${trial.slowestMs.toFixed(1)} ms, ${seconds.toFixed(1)} s`,
  );
}
console.log(
  [...codes]
    .toSorted(([, one], [, other]) => other - one)
    .map(([code, count]) => `${code} ${count}`)
    .join(", "),
);
console.log(
  `${total.bodies} bodies, ${total.accepted} accepted, ${total.handled} reached a handler, ${codes.size} codes, ${total.faults} faults, ` +
    `slowest ${total.slowestMs.toFixed(1)} ms, ${total.seconds.toFixed(0)} s`,
);
process.exitCode = total.faults === 0 ? 0 : 1;
