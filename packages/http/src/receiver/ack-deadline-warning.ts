import type { JobDefinition } from "@waybill/core";
import { warn } from "@waybill/core/endpoint";
import type { Carrier } from "../push/carrier.ts";

const DEFAULT_TIMEOUT_MS = 900_000;

/**
 * Warns at start of jobs that may take longer than their carrier's ack deadline: the carrier would deliver them again while
 * they wait for a slot or run.
 */
export function warnOfAckDeadlines(
  carriers: readonly Carrier[],
  jobs: readonly JobDefinition[],
  concurrency: number,
): void {
  const byTimeout = jobs.map(({ type, timeoutMs }) => ({ type, ms: timeoutMs ?? DEFAULT_TIMEOUT_MS }));
  const [longest] = byTimeout.toSorted((a, b) => b.ms - a.ms);
  if (longest === undefined) return;
  for (const { name, maxWaiting, ackDeadlineMs, ackDeadlineSetting } of carriers) {
    const setting = ackDeadlineSetting === undefined ? "" : ` (its ${ackDeadlineSetting})`;
    const waits = `${name} waits ${ackDeadlineMs} ms${setting} for a response`;
    const slow = byTimeout.filter(({ ms }) => ms >= ackDeadlineMs);
    // The last waiting request gets its slot after this many runs.
    const rounds = Math.ceil(maxWaiting / concurrency);
    if (slow.length > 0) {
      warn(
        `${waits}, but ${slow.length} of the jobs may run as long or longer ("${longest.type}": ${longest.ms} ms): they ` +
          "would be delivered again while they run. Give them a shorter `timeout`, or the carrier a longer ack deadline",
      );
    } else if (rounds > 1 && rounds * longest.ms >= ackDeadlineMs) {
      warn(
        `${waits}, but with ${maxWaiting} requests for ${concurrency} slots the last may wait and run for ` +
          `${rounds * longest.ms} ms ("${longest.type}": ${longest.ms} ms): it would be delivered again. Let the carrier ` +
          "send fewer at once, raise `concurrency`, or give jobs a shorter `timeout`",
      );
    }
  }
}
