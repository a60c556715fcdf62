import { WaybillError } from "@waybill/core";
import { RunHandle, type TrackedRun } from "@waybill/core/endpoint";
import type { PushRequest } from "../push/push-request.ts";
import type { PushResponse } from "../push/push-response.ts";

/** One running job and the requests that wait for its response. */
export class SharedRun implements TrackedRun {
  readonly id: string | null;
  readonly body: string;
  readonly handle: RunHandle = new RunHandle();
  /** True once the response is known. The handler may still run. */
  decided = false;
  readonly #abortMs: number;
  #response: Promise<PushResponse> | null = null;
  #waiting = 0;

  /** `id` is null for a body that is no envelope. `abortMs`: how long the handler may run once no request waits. */
  constructor(id: string | null, body: string, abortMs: number) {
    this.id = id;
    this.body = body;
    this.#abortMs = abortMs;
  }

  /** Sets the response that `join` returns. Call once, before `join`. */
  respondWith(response: Promise<PushResponse>): this {
    this.#response = response;
    const decided = (): void => void (this.decided = true);
    response.then(decided, decided);
    return this;
  }

  /**
   * Adds a request that waits for the response. When the last one disconnects, the job's signal aborts: its carrier delivers
   * the job again.
   */
  join({ onDisconnect }: PushRequest): Promise<PushResponse> {
    if (this.#response === null) throw new Error("a run was joined before it began");
    this.#waiting += 1;
    onDisconnect(() => {
      this.#waiting -= 1;
      if (this.#waiting === 0 && !this.decided) this.handle.cancel(disconnected(), this.#abortMs);
    });
    return this.#response;
  }
}

function disconnected(): WaybillError {
  return new WaybillError("JOB_CANCELLED", "the sender closed the connection before the job had ended");
}
