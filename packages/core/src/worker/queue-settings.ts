import { WaybillError } from "../errors.ts";
import type { QueueLimits, Rate } from "../features/limits/limit-numbers.ts";
import type { QueueOptions } from "../features/limits/queue-options.ts";
import { limitNumber } from "../job/check-limits.ts";
import { assertQueue } from "../job/define-job.ts";
import type { JobLimit } from "../job/limit-options.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../known-options.ts";
import type { WorkerOptions } from "./worker-options.ts";

const QUEUE_OPTIONS: OptionNames<QueueOptions> = {
  weight: true,
  concurrency: true,
  rate: true,
  burst: true,
  tenantFairness: true,
};

type Queues = NonNullable<WorkerOptions["queues"]>;

/** The queues of a worker, by name. */
export interface QueueSettings {
  readonly weights: ReadonlyMap<string, number>;
  /** Only of queues that have limits. */
  readonly limits: ReadonlyMap<string, QueueLimits>;
}

/** Throws `CONFIG_INVALID` for a name, a weight or a limit that cannot work. */
export function queueSettings(queues: Queues): QueueSettings {
  if (typeof queues !== "object") {
    throw refuse(`queues is ${describeValue(queues)}: pass a list of names, or weights such as { mailers: 3 }`);
  }
  const pairs = isList(queues) ? queues.map((queue): [string, number] => [queue, 1]) : Object.entries(queues);
  if (pairs.length === 0) throw refuse("queues is empty: name at least one, or leave it out");
  const weights = new Map<string, number>();
  const limits = new Map<string, QueueLimits>();
  for (const [queue, given] of pairs) {
    assertQueue(queue, "a queue of the worker");
    const options = typeof given === "object" && given !== null ? given : { weight: given };
    assertKnownOptions(options, QUEUE_OPTIONS, `the options of queue "${queue}"`);
    const { weight = 1 } = options;
    if (!Number.isSafeInteger(weight) || weight < 1 || weight > MOST_WEIGHT)
      throw refuse(
        `the weight of queue "${queue}" is ${describeValue(weight)}: a whole number from 1 to ${MOST_WEIGHT}`,
      );
    weights.set(queue, weight);
    const own = queueLimits(options, `queue "${queue}"`);
    if (own !== null) limits.set(queue, own);
  }
  return { weights, limits };
}

function queueLimits(options: QueueOptions, which: string): QueueLimits | null {
  const { concurrency, rate, burst, tenantFairness = false } = options;
  if (typeof tenantFairness !== "boolean") {
    throw refuse(`tenantFairness of ${which} is ${describeValue(tenantFairness)}: true or false`);
  }
  if (concurrency === undefined && rate === undefined && burst === undefined && !tenantFairness) return null;
  const number = (limit: object): ReturnType<typeof limitNumber> => limitNumber(limit as JobLimit, which);
  const most = concurrency === undefined ? null : number({ concurrency });
  const often = rate === undefined && burst === undefined ? null : number({ rate, burst });
  return {
    ...(most?.kind === "concurrency" && { concurrency: most.most }),
    ...(often !== null && { rate: often as Rate }),
    ...(tenantFairness && { tenantFairness }),
  };
}

function isList(queues: Queues): queues is readonly string[] {
  return Array.isArray(queues);
}

/** With a higher weight beside it, a queue of weight 1 would wait too long. */
const MOST_WEIGHT = 1_000;

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
