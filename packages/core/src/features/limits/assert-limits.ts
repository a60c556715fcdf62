import type { Capabilities } from "../../backend/capabilities.ts";
import type { Ledger } from "../../backend/ledger.ts";
import { WaybillError } from "../../errors.ts";
import type { JobDefinition } from "../../job/job-definition.ts";
import type { LimitNumbers } from "./limit-numbers.ts";

/** The most slots of one key that a ledger keeps: each is a record, and all are read at once. */
const MOST_SLOTS = 1_000;

/** Throws `CAPABILITY_MISSING` for limits that a backend with these capabilities and this ledger cannot keep. */
export function assertLimits(numbers: LimitNumbers, has: Capabilities, ledger: Ledger | null): void {
  const fair = [...numbers.queues].find(([, { tenantFairness }]) => tenantFairness);
  if (fair !== undefined && has.fairTenants !== true) {
    throw missing(
      `queue "${fair[0]}" has tenantFairness, which this backend refuses: it leases jobs in their order, so many jobs of one tenant delay those of others; limit a tenant by \`limits: [{ key: ({ tenant }) => tenant, concurrency: 2 }]\`, or use SQS`,
    );
  }
  const concurrency = [
    ...[...numbers.concurrency].map(([name, most]): [what: string, most: number] => [described(name), most]),
    ...queuesWith(numbers, "concurrency"),
  ];
  const rates = [...[...numbers.rates.keys()].map(described), ...queuesWith(numbers, "rate").map(([what]) => what)];
  const emulated = has.keyConcurrency === true ? [] : concurrency;
  const [needy] = [...emulated.map(([what]) => what), ...rates];
  if (needy === undefined) return;
  if (has.countsDeliveries === true) {
    throw missing(
      `${needy} would use up the attempts of jobs, since this backend counts a release as an attempt; use a standard queue, or run its jobs in one worker with \`concurrency\``,
    );
  }
  if (ledger === null) {
    throw missing(
      `${needy} needs a ledger, which this backend does not have; give the connection one, as in { ledger: "postgres://…" }`,
    );
  }
  const large = emulated.find(([, most]) => most > MOST_SLOTS);
  if (large !== undefined) {
    throw missing(`${large[0]} is ${large[1]}; on this backend a concurrency limit is ${MOST_SLOTS} at most`);
  }
}

/** Throws `CAPABILITY_MISSING` for a job with limits where no worker runs it, so that nothing would keep them. `where` names that place. */
export function refuseLimits(jobs: readonly JobDefinition[], where: string, remedy: string): void {
  const limited = jobs.find(({ limits }) => limits.length > 0);
  if (limited === undefined) return;
  throw missing(
    `job "${limited.type}" has limits, which ${where} does not keep: run it in a worker, or define it without limits; ${remedy}`,
  );
}

const described = (name: string): string => `limit "${name}"`;

function queuesWith({ queues }: LimitNumbers, kind: "concurrency" | "rate"): [what: string, most: number][] {
  return [...queues].flatMap(([queue, limits]): [string, number][] =>
    limits[kind] === undefined ? [] : [[`the limit of queue "${queue}"`, limits.concurrency ?? 0]],
  );
}

function missing(message: string): WaybillError {
  return new WaybillError("CAPABILITY_MISSING", message);
}
