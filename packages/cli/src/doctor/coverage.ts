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
  const before = (await inspector.counts(named)).filter(isIdleWithWork);
  if (before.length > 0) await new Promise((resolve) => setTimeout(resolve, watchMs));
  const after = before.length > 0 ? await inspector.counts(named) : [];
  const stuck = after.filter((now) => isIdleWithWork(now) && before.some((then) => stoodStill(then, now)));
  if (stuck.length === 0) {
    return [{ check: "queues.covered", severity: "ok", message: "no queue waits without a worker", wayOut: null }];
  }
  return stuck.map(({ queue, ready, oldestWaitMs }) => ({
    check: "queues.covered",
    severity: "failure",
    message: `queue "${queue}" has ${ready} ready and no worker takes them${oldestWaitMs === null ? "" : `; the oldest waits since ${span(oldestWaitMs)}`}`,
    wayOut: `start a worker for it: waybill worker --jobs FILE --queues ${queue}`,
  }));
}

const isIdleWithWork = ({ ready, leased, workers = 0 }: QueueCounts): boolean =>
  ready > 0 && leased === 0 && workers === 0;

function stoodStill(then: QueueCounts, now: QueueCounts): boolean {
  const aged = then.oldestWaitMs === null || now.oldestWaitMs === null || now.oldestWaitMs > then.oldestWaitMs;
  return then.queue === now.queue && now.ready >= then.ready && aged;
}
