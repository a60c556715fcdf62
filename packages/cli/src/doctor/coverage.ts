import type { Finding, Inspector, QueueCounts } from "@waybill/core";
import { span } from "../span.ts";

/**
 * Queues whose jobs nobody takes: twice counted, `watchMs` apart, something is ready both times, nothing is leased, and
 * the oldest has waited all along. A worker that is alive takes within milliseconds.
 */
export async function uncoveredQueues(
  inspector: Inspector,
  named: readonly string[],
  watchMs: number,
): Promise<Finding[]> {
  const counts = await inspector.counts(named);
  const before = counts.filter(isIdleWithWork);
  if (before.length > 0) await new Promise((resolve) => setTimeout(resolve, watchMs));
  const after = before.length > 0 ? await inspector.counts(named) : [];
  const stuck = after.filter((now) => isIdleWithWork(now) && before.some((then) => stoodStill(then, now)));
  const unread = counts.flatMap(unreadableOf);
  if (stuck.length === 0) {
    const covered = { check: "queues.covered", message: "no queue waits without a worker", wayOut: null } as const;
    return [{ ...covered, severity: "ok" }, ...unread];
  }
  const uncovered = stuck.map(({ queue, ready, oldestWaitMs }): Finding => ({
    check: "queues.covered",
    severity: "failure",
    message: `queue "${queue}" has ${ready} ready and no worker takes them${oldestWaitMs === null ? "" : `; the oldest waits since ${span(oldestWaitMs)}`}`,
    wayOut: `start a worker for it: waybill worker --jobs FILE --queues ${queue}`,
  }));
  return [...uncovered, ...unread];
}

/** The sentence names the thing and the remedy. */
const unreadableOf = ({ queue, unreadable = [] }: QueueCounts): Finding[] =>
  unreadable.map((text) => ({
    check: "queues.readable",
    severity: "failure",
    message: `queue "${queue}": ${text}`,
    wayOut: null,
  }));

const isIdleWithWork = ({ ready, leased, workers = 0 }: QueueCounts): boolean =>
  ready > 0 && leased === 0 && workers === 0;

function stoodStill(then: QueueCounts, now: QueueCounts): boolean {
  const aged = then.oldestWaitMs === null || now.oldestWaitMs === null || now.oldestWaitMs > then.oldestWaitMs;
  return then.queue === now.queue && now.ready >= then.ready && aged;
}
