// Hostile thrown values, stored records and driver errors through worker, receiver, inspector and CLI of each backend: no slot
// is lost, no process ends, no listing is blinded, nothing is lost.
// `npm run fuzz:hostile -- [--backend sqlite] [--cases 100000] [--seed 1]`
import { parseArgs } from "node:util";
import { startFauxqsHere } from "../packages/test-servers/src/index.ts";
import { freshFolder, targets } from "../apps/faults/src/backends.ts";
import { randomThrown } from "../packages/core/test/helpers/hostile-values.ts";
import { tryHostile } from "../apps/faults/test/hostile/trial.ts";

const { values } = parseArgs({
  options: {
    backend: { type: "string", multiple: true },
    cases: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    /** Of the cases; a fifth unless told. */
    records: { type: "string" },
  },
});
const [cases, seed] = [Number(values.cases), Number(values.seed)];
const driverErrors = Math.ceil(Math.max(cases / 200, 40));
const receiver = Math.round(cases * 0.3);

for (const target of targets) {
  if (!(values.backend?.includes(target.name) ?? true)) continue;
  const startedAt = performance.now();
  // An inspector on SQS shows 10,000 dead letters at most.
  const records = Math.min(Number(values.records ?? Math.round(cases / 5)), target.name === "sqs" ? 8_000 : Infinity);
  const each = { worker: cases - records - receiver - driverErrors, receiver, records, driverErrors };
  // The emulator with a disk cannot put back a message that was looked at; the one in this process can.
  const server = target.name === "sqs" ? await startFauxqsHere() : ((await target.startServer?.()) ?? null);
  const { folder, remove } = await freshFolder();
  const storeOf = (name: string) => ({ url: target.storeUrl(server?.url ?? "", name, folder), folder, remove });
  const { faults, said } = await tryHostile(target, server, storeOf, randomThrown, seed, each, (phase) =>
    console.error(`${target.name}: ${phase}, ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`),
  );
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  console.log(`${target.name}, seed ${seed}: ${cases} cases in ${seconds} s, ${faults.length} faults; ${said}`);
  for (const fault of faults.slice(0, 20)) console.log(`  ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
  await server?.stop();
  await remove();
}
process.exit();
