// Two implementations of the spec on the same bodies: core, and Python's standard library. Prints every body that one takes
// and the other refuses. `npm run fuzz:spec -- [bodies a seed] [seed…]`
import { documents } from "../packages/core/test/envelope/documents.ts";
import { disagreements, ownAnswer } from "../test/second-implementation.ts";

const [bodiesEach = "10000", ...given] = process.argv.slice(2);
/** Those of the run before a release, kept so that it can be repeated: 50,000 bodies. */
const seeds = given.length > 0 ? given.map(Number) : [11, 12, 13, 14, 15];
let differing = 0;

for (const seed of seeds) {
  const startedAt = performance.now();
  const bodies = [...documents(seed, Number(bodiesEach))];
  const codes = new Map<string, number>();
  for (const body of bodies) {
    const answer = ownAnswer(body);
    const code = "error" in answer ? answer.error.code : "taken";
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  const found = disagreements(bodies);
  differing += found.length;
  for (const one of found.slice(0, 10)) console.log(JSON.stringify(one).slice(0, 2_000));
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(
    `seed ${seed}: ${bodies.length} bodies, ${codes.get("taken") ?? 0} taken, ${codes.size - 1} codes, ${found.length} disagreements, ${seconds} s`,
  );
}
process.exitCode = differing === 0 ? 0 : 1;
