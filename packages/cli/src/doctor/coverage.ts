import { type Finding, type Inspector, isWaybillError, type Jobs, type QueueCounts, toError } from "@waybill/core";
import { span } from "../output/duration-text.ts";

/**
 * Finds queues without a worker. Counts twice, `watchMs` apart: such a queue has ready jobs both times, no leased job, and
 * its oldest job has not changed. A live worker leases within milliseconds. `served` has the queues of the live workers; null
 * where the backend keeps no list of them.
 */
export async function uncoveredQueues(
  inspector: Inspector,
  named: readonly string[],
  watchMs: number,
  served: ReadonlySet<string> | null,
): Promise<Finding[]> {
  const counts = await inspector.counts(named);
  const before = counts.filter(isIdleWithWork);
  if (before.length > 0) await new Promise((resolve) => setTimeout(resolve, watchMs));
  const after = before.length > 0 ? await inspector.counts(named) : [];
  const stuck = after.filter((now) => isIdleWithWork(now) && before.some((then) => stoodStill(then, now)));
  const unread = counts.flatMap(unreadableOf);
  if (stuck.length === 0) {
    const covered = { check: "queues.covered", message: "no queue waits without a worker", remedy: null } as const;
    return [{ ...covered, severity: "ok" }, ...unread];
  }
  const uncovered = stuck.map(({ queue, ready, oldestWaitMs }): Finding => {
    if (served?.has(queue)) return idleWorker(queue, ready);
    return {
      check: "queues.covered",
      severity: "failure",
      message: `queue "${queue}" has ${ready} ready and no worker leases them${oldestWaitMs === null ? "" : `; the oldest has waited for ${span(oldestWaitMs)}`}`,
      remedy: `start a worker for it: waybill worker --jobs FILE --queues ${queue}, waybill push --to URL --queues ${queue} where an application receives its jobs, or in Nest the application with \`worker\` set`,
    };
  });
  return [...uncovered, ...unread];
}

/** A worker is there, so its jobs are late and not forgotten. */
const idleWorker = (queue: string, ready: number): Finding => ({
  check: "queues.covered",
  severity: "warning",
  message: `queue "${queue}" has ${ready} ready, and its live workers lease none of them`,
  remedy: "see whether it is paused, and whether its workers are busy with other queues: waybill workers",
});

/** Returns the queues of the live workers. Null where the backend keeps no list of them, or cannot be asked for it now. */
export async function servedQueues({ workers }: Pick<Jobs, "workers">): Promise<ReadonlySet<string> | null> {
  try {
    return new Set((await workers()).flatMap(({ queues }) => queues));
  } catch {
    return null;
  }
}

/**
 * Warns of declared queues that have no job yet and no live worker. Reports a ledger that cannot be reached. Returns none where
 * the backend keeps no list of its workers.
 */
export async function declaredQueues(jobs: Pick<Jobs, "queuesWithoutWorker">): Promise<Finding[]> {
  try {
    const empty = (await jobs.queuesWithoutWorker()).filter(({ ready }) => ready === 0);
    return empty.map(({ queue }) => ({
      check: "queues.declared",
      severity: "warning",
      message: `queue "${queue}" is declared by a producer, and no live worker leases from it`,
      remedy: `start a worker for it before the first job: waybill worker --jobs FILE --queues ${queue}`,
    }));
  } catch (thrown) {
    if (isWaybillError(thrown, "CAPABILITY_MISSING")) return [];
    return [{ check: "workers.listed", severity: "failure", message: toError(thrown).message, remedy: null }];
  }
}

/** The texts of `unreadable` contain what to do. */
const unreadableOf = ({ queue, unreadable = [] }: QueueCounts): Finding[] =>
  unreadable.map((text) => ({
    check: "queues.readable",
    severity: "failure",
    message: `queue "${queue}": ${text}`,
    remedy: null,
  }));

const isIdleWithWork = ({ ready, leased, workers = 0 }: QueueCounts): boolean =>
  ready > 0 && leased === 0 && workers === 0;

function stoodStill(then: QueueCounts, now: QueueCounts): boolean {
  const aged = then.oldestWaitMs === null || now.oldestWaitMs === null || now.oldestWaitMs > then.oldestWaitMs;
  return then.queue === now.queue && now.ready >= then.ready && aged;
}
