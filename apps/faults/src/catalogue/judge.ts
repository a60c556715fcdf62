import type { BackendName } from "../backends.ts";
import type { Size } from "./frame/context.ts";
import type { Measured, Scenario } from "./frame/scenario.ts";

/** Beyond the lease. */
const TAKEOVER_ROOM_MS = 2_000;
/** Beyond the sum of a worker's limits. */
const EXIT_ROOM_MS = 1_000;

/** Returns what a run has measured against the promise: one sentence for each thing that does not hold. */
export function judge(scenario: Scenario, backend: BackendName, size: Size, measured: Measured): string[] {
  const { lost, duplicated, takeoversMs = [], exitsMs = [], violations = [] } = measured;
  const { leaseMs, exitLimitMs } = scenario;
  const found = [...violations];
  const most = predicted(scenario, backend, size, measured);
  if (lost.length > 0) found.push(`${lost.length} accepted jobs are lost: ${lost.slice(0, 5).join(", ")}`);
  if (duplicated > most)
    found.push(`${duplicated} jobs ran to their end more than once, ${most} are predicted at most`);
  found.push(...over("takeover", takeoversMs, leaseMs, TAKEOVER_ROOM_MS));
  found.push(...over("exit", exitsMs, exitLimitMs, EXIT_ROOM_MS));
  return found;
}

/** How many jobs may run to their end more than once. */
export function predicted(
  { duplicates: { most } }: Scenario,
  backend: BackendName,
  size: Size,
  measured: Measured,
): number {
  if (most === "measured") return measured.predicted ?? 0;
  return typeof most === "number" ? most : most(size, backend);
}

function over(
  what: "takeover" | "exit",
  times: readonly number[],
  limitMs: number | undefined,
  roomMs: number,
): string[] {
  if (times.length > 0 && limitMs === undefined) return [`the scenario measures each ${what} and states no limit`];
  return times
    .filter((ms) => ms >= (limitMs ?? 0) + roomMs)
    .map((ms) => `${what === "exit" ? "an" : "a"} ${what} took ${ms} ms: ${limitMs} ms and ${roomMs} ms are promised`);
}
