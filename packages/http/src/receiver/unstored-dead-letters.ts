import { createHash } from "node:crypto";
import type { Outcome } from "@waybill/core";
import type { InboundDelivery } from "../push/inbound-delivery.ts";

type Dead = Extract<Outcome, { kind: "dead" }>;

/** Jobs. Above it the oldest is forgotten, and its handler runs once more. */
const MAX_JOBS = 1_000;

/**
 * Dead letters that `keepDead` failed to store. Their carrier delivers them again, and the handler must not run again. In
 * memory: after a restart, and in another process, the handler runs once more.
 */
export class UnstoredDeadLetters {
  readonly #jobs = new Map<string, { readonly digest: string; readonly attempt: number; readonly outcome: Dead }>();

  /** Returns the job's outcome, or null. A delivery with a lower attempt than before is a replay, which runs. */
  find(id: string, { body, attempt }: InboundDelivery): Dead | null {
    const job = this.#jobs.get(id);
    return job !== undefined && attempt >= job.attempt && job.digest === digestOf(body) ? job.outcome : null;
  }

  remember(id: string, { body, attempt }: InboundDelivery, outcome: Dead): void {
    this.#jobs.delete(id);
    this.#jobs.set(id, { digest: digestOf(body), attempt, outcome });
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > MAX_JOBS && oldest !== undefined) this.#jobs.delete(oldest);
  }

  forget(id: string): void {
    this.#jobs.delete(id);
  }
}

const digestOf = (body: string): string => createHash("sha256").update(body).digest("base64");
