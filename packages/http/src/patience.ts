import type { JobDefinition } from "@waybill/core";
import { warn } from "@waybill/core/door";
import type { Carrier } from "./carrier.ts";

const DEFAULT_TIMEOUT_MS = 900_000;

/** A job that may take longer than its carrier waits is delivered again while it waits or runs: said once, at the start. */
export function warnOfPatience(
  carriers: readonly Carrier[],
  jobs: readonly JobDefinition[],
  concurrency: number,
): void {
  const byTimeout = jobs.map(({ type, timeoutMs }) => ({ type, ms: timeoutMs ?? DEFAULT_TIMEOUT_MS }));
  const [longest] = byTimeout.toSorted((a, b) => b.ms - a.ms);
  if (longest === undefined) return;
  for (const { name, line, patienceMs, patienceSetting } of carriers) {
    const patience = `${name} waits ${patienceMs} ms${patienceSetting === undefined ? "" : ` (its ${patienceSetting})`}`;
    const slow = byTimeout.filter(({ ms }) => ms >= patienceMs);
    // The last of the line waits until those before it have had their turns.
    const turns = Math.ceil(line / concurrency);
    if (slow.length > 0) {
      warn(
        `${patience} for an answer, but ${slow.length} of the jobs may run as long or longer ("${longest.type}": ` +
          `${longest.ms} ms): they would be delivered again while they run. Give them a shorter \`timeout\`, or the ` +
          "carrier more patience",
      );
    } else if (turns > 1 && turns * longest.ms >= patienceMs) {
      warn(
        `${patience} for an answer, but with ${line} requests for ${concurrency} places the last may wait and run for ` +
          `${turns * longest.ms} ms ("${longest.type}": ${longest.ms} ms): it would be delivered again. Let the carrier ` +
          "send fewer at once, raise `concurrency`, or give jobs a shorter `timeout`",
      );
    }
  }
}
