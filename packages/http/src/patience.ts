import type { JobDefinition } from "@waybill/core";
import type { Carrier } from "./carrier.ts";

const DEFAULT_TIMEOUT_MS = 900_000;

/** A job that may run longer than its carrier waits is delivered again while it runs: said once, at the start. */
export function warnOfPatience(carriers: readonly Carrier[], jobs: readonly JobDefinition[]): void {
  for (const { name, patienceMs } of carriers) {
    const slow = jobs.filter(({ timeoutMs }) => (timeoutMs ?? DEFAULT_TIMEOUT_MS) >= patienceMs);
    const [longest] = slow.toSorted(
      (a, b) => (b.timeoutMs ?? DEFAULT_TIMEOUT_MS) - (a.timeoutMs ?? DEFAULT_TIMEOUT_MS),
    );
    if (longest === undefined) continue;
    process.emitWarning(
      `${name} waits ${patienceMs} ms for an answer, but ${slow.length} of the jobs may run as long or longer ` +
        `("${longest.type}": ${longest.timeoutMs ?? DEFAULT_TIMEOUT_MS} ms): they would be delivered again while they run. ` +
        "Give them a shorter `timeout`, or the carrier more patience",
      "WaybillWarning",
    );
  }
}
