import { within } from "../time/time-limit.ts";
import { isWaybillError } from "../errors.ts";
import type { WorkerFacts } from "../backend/live-worker.ts";
import type { WorkerRegistry } from "../backend/worker-registry.ts";
import { toError } from "../values/thrown.ts";

/** Keeps one worker listed in its store's registry. An error of the registry does not affect jobs. */
export interface Heartbeat {
  begin(): void;
  /**
   * Removes the worker from the registry. Waits half a second at most; without a removal the entry expires three heartbeats
   * after the last one. Never rejects.
   */
  end(): Promise<void>;
}

export interface HeartbeatSettings {
  readonly workerRegistry: WorkerRegistry;
  readonly worker: string;
  readonly heartbeatMs: number;
  readonly facts: () => WorkerFacts;
  /** Called with the first error of several in a row. */
  readonly failed: (error: Error) => void;
}

/** An entry expires after this many missed heartbeats. */
const SILENT_BEATS = 3;
const END_MS = 500;

export function createHeartbeat({ workerRegistry, worker, heartbeatMs, facts, failed }: HeartbeatSettings): Heartbeat {
  let timer: NodeJS.Timeout | undefined;
  let announcing: Promise<void> | null = null;
  let ended = false;
  let failing = false;

  async function announce(): Promise<void> {
    try {
      await workerRegistry.announce(worker, JSON.stringify(facts()), SILENT_BEATS * heartbeatMs);
      failing = false;
    } catch (thrown) {
      if (!failing && !isWaybillError(thrown, "BACKEND_CLOSED")) failed(toError(thrown));
      failing = true;
    }
  }

  async function beat(): Promise<void> {
    const begun = performance.now();
    announcing = announce();
    await announcing;
    const restMs = Math.max(heartbeatMs - (performance.now() - begun), heartbeatMs / 10);
    if (!ended) timer = setTimeout(() => void beat(), restMs);
  }

  async function withdraw(): Promise<void> {
    // A heartbeat that arrived after the removal would list the worker again.
    await announcing;
    await workerRegistry.withdraw(worker).catch(() => undefined);
  }

  return {
    begin: () => void beat(),
    async end() {
      if (announcing === null) return;
      ended = true;
      clearTimeout(timer);
      await within(withdraw(), END_MS);
    },
  };
}
