import { WaybillError } from "../../errors.ts";
import { limitsOf } from "../../job/check-limits.ts";
import type { JobDefinition } from "../../job/job-definition.ts";
import type { LimitNumber } from "../../job/limit-options.ts";

export type Rate = Extract<LimitNumber, { readonly kind: "rate" }>;

/** The limits of one queue, over all workers. */
export interface QueueLimits {
  /** The most jobs of the queue that run at once. Omitted: any number. */
  readonly concurrency?: number;
  /** How often jobs of the queue start. Omitted: any number. */
  readonly rate?: Rate;
  /** Whether tenants must share the leases of the queue. Omitted: no. */
  readonly tenantFairness?: true;
}

/** The numbers of all limits that one worker has. */
export interface LimitNumbers {
  /** The most jobs of one key that run at once, by the name of the limit. */
  readonly concurrency: ReadonlyMap<string, number>;
  /** By the name of the limit. */
  readonly rates: ReadonlyMap<string, Rate>;
  /** By queue. */
  readonly queues: ReadonlyMap<string, QueueLimits>;
}

/** Collects the limits of a worker's definitions. Throws `CONFIG_INVALID` for limits that contradict each other. */
export function limitNumbers(jobs: readonly JobDefinition[], queues: ReadonlyMap<string, QueueLimits>): LimitNumbers {
  const concurrency = new Map<string, number>();
  const rates = new Map<string, Rate>();
  const seen = new Map<string, { readonly number: LimitNumber; readonly type: string }>();
  for (const job of jobs) {
    for (const { name, number } of limitsOf(job)) {
      const first = seen.get(name);
      if (first !== undefined && said(first.number) !== said(number)) {
        throw new WaybillError(
          "CONFIG_INVALID",
          `limit "${name}" is ${said(first.number)} in "${first.type}" and ${said(number)} in "${job.type}"; give both the same number, or another name`,
        );
      }
      seen.set(name, { number, type: job.type });
      if (number.kind === "concurrency") concurrency.set(name, number.most);
      else rates.set(name, number);
    }
  }
  return { concurrency, rates, queues };
}

const said = (number: LimitNumber): string =>
  number.kind === "concurrency"
    ? `concurrency ${number.most}`
    : `rate ${number.count} in ${number.perMs} ms with burst ${number.burst}`;
