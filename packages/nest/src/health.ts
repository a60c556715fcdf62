import { type Duration, errorMessage, type Jobs, type WorkerHealth } from "@waybill/core";
import { durationMs } from "@waybill/core/door";
import type { ReceiverLoad } from "@waybill/http";
import type { Doors } from "./doors.ts";

/** What Terminus shows under the key. */
export interface DoorsHealth {
  readonly status: "up" | "down";
  /** Why it is down. */
  readonly message?: string;
  /** Of the process that has one. */
  readonly worker?: WorkerHealth;
  /** Of the process that has one. */
  readonly receiver?: ReceiverLoad;
}

/**
 * For `@nestjs/terminus`, of any version: `() => waybill.isHealthy("jobs")`. Down while the backend does not answer,
 * the worker hangs, or the process is on its way out; a full receiver is up.
 */
export class WaybillHealthIndicator {
  readonly #connection: Jobs;
  readonly #doors: Doors;

  constructor(connection: Jobs, doors: Doors) {
    this.#connection = connection;
    this.#doors = doors;
  }

  /**
   * Up or down, as Terminus has it. A worker's own calls tell of the backend. Without one it is asked for its counts:
   * down after `timeout`, by default "2s".
   */
  async isHealthy<Key extends string>(
    key: Key,
    { timeout = "2s" }: { readonly timeout?: Duration } = {},
  ): Promise<Record<Key, DoorsHealth>> {
    const worker = this.#doors.worker?.health();
    const receiver = this.#doors.receiver?.load();
    const message = worker ? troubleOf(worker) : await this.#trouble(durationMs(timeout, "timeout of isHealthy"));
    const why = message ?? (receiver?.draining ? "the receiver is draining" : null);
    const health: DoorsHealth = {
      status: why === null ? "up" : "down",
      ...(why !== null && { message: why }),
      ...(worker && { worker }),
      ...(receiver && { receiver }),
    };
    return { [key]: health } as Record<Key, DoorsHealth>;
  }

  async #trouble(timeoutMs: number): Promise<string | null> {
    const { inspector } = this.#connection;
    if (inspector === null) return null;
    const late = `the backend did not answer within ${timeoutMs} ms`;
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

function troubleOf({ state, message }: WorkerHealth): string | null {
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
