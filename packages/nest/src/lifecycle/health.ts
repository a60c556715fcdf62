import { type Duration, errorMessage, type Jobs, type WorkerHealth } from "@waybill/core";
import { durationMs } from "@waybill/core/endpoint";
import type { ReceiverLoad } from "@waybill/http";
import type { Lifecycle } from "./lifecycle.ts";

/** What Terminus shows under the key of `isHealthy`. */
export interface WaybillHealth {
  readonly status: "up" | "down";
  /** Why it is down. Omitted if it is up. */
  readonly message?: string;
  /** Omitted if this process has no worker. */
  readonly worker?: WorkerHealth;
  /** Omitted if this process has no receiver. */
  readonly receiver?: ReceiverLoad;
}

/**
 * The health indicator for `@nestjs/terminus`, any version: `() => waybill.isHealthy("jobs")`. Down while the backend does
 * not answer, a call of the worker hangs, or the process is shutting down. A receiver at its concurrency limit is up.
 */
export class WaybillHealthIndicator {
  readonly #connection: Jobs;
  readonly #lifecycle: Lifecycle;

  constructor(connection: Jobs, lifecycle: Lifecycle) {
    this.#connection = connection;
    this.#lifecycle = lifecycle;
  }

  /**
   * Returns the state in the form of Terminus. A worker knows from its own calls whether the backend answers. Without a
   * worker, this asks the backend for its counts, and is down if they take longer than `timeout`, by default "2s". Never
   * rejects for a backend that is down.
   */
  async isHealthy<Key extends string>(
    key: Key,
    { timeout = "2s" }: { readonly timeout?: Duration } = {},
  ): Promise<Record<Key, WaybillHealth>> {
    const worker = this.#lifecycle.worker?.health();
    const receiver = this.#lifecycle.receiver?.load();
    const message = worker
      ? workerTrouble(worker)
      : await this.#backendTrouble(durationMs(timeout, "timeout of isHealthy"));
    const why = message ?? (receiver?.draining ? "the receiver is draining" : null);
    const health: WaybillHealth = {
      status: why === null ? "up" : "down",
      ...(why !== null && { message: why }),
      ...(worker && { worker }),
      ...(receiver && { receiver }),
    };
    return { [key]: health } as Record<Key, WaybillHealth>;
  }

  async #backendTrouble(timeoutMs: number): Promise<string | null> {
    const { inspector } = this.#connection;
    if (inspector === null) return null;
    const late = `the backend did not respond within ${timeoutMs} ms`;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(late), timeoutMs);
      inspector
        .counts()
        .then(
          () => resolve(null),
          (error: unknown) => resolve(errorMessage(error)),
        )
        .finally(() => clearTimeout(timer));
    });
  }
}

function workerTrouble({ state, message }: WorkerHealth): string | null {
  switch (state) {
    case "running":
      return null;
    case "unavailable":
      return message;
    case "silent":
      return "a call of the worker has had no answer for 30 s";
    case "new":
    case "draining":
    case "stopped":
      return `the worker is ${state}`;
  }
}
