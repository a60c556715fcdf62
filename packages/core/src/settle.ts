import type { Backend, Lease } from "./backend.ts";
import type { Outcome } from "./outcome.ts";
import type { Settling, Telemetry } from "./telemetry.ts";
import { toError } from "./thrown.ts";

/** Pull mode's half of settling: an outcome becomes one call on the backend. `ack` gathers, so it is handed in. */
export function settle(
  backend: Backend,
  ack: (lease: Lease) => Promise<unknown>,
  lease: Lease,
  outcome: Outcome,
): Promise<unknown> {
  const longest = backend.capabilities.maxRetryDelayMs;
  switch (outcome.kind) {
    case "completed":
      return outcome.settled ? Promise.resolve() : ack(lease);
    case "retry":
      return backend.retry(lease, { delayMs: Math.min(outcome.delayMs, longest), countsAttempt: true });
    case "release":
      return backend.retry(lease, { delayMs: Math.min(outcome.delayMs, longest), countsAttempt: false });
    case "dead":
      return outcome.kept ? backend.deadLetter(lease, outcome.reason) : ack(lease);
  }
}

/** As `settle`, and tells how long it took, unless the handler has settled itself. */
export async function settleAndTell(telemetry: Telemetry, ...settling: Parameters<typeof settle>): Promise<void> {
  const [from, , { queue }, outcome] = settling;
  const operation = operationOf(outcome);
  const startedAt = performance.now();
  let error: Error | null = null;
  try {
    await settle(...settling);
  } catch (thrown) {
    error = toError(thrown);
    throw thrown;
  } finally {
    const durationMs = performance.now() - startedAt;
    if (operation !== null) telemetry.settled({ from, queue, operation, durationMs, error });
  }
}

function operationOf(outcome: Outcome): Settling["operation"] | null {
  switch (outcome.kind) {
    case "completed":
      return outcome.settled ? null : "ack";
    case "retry":
    case "release":
      return outcome.kind;
    case "dead":
      return outcome.kept ? "dead_letter" : "ack";
  }
}
