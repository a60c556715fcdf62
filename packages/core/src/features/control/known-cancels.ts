import type { Lease } from "../../backend/contract.ts";
import type { JobControl } from "../../backend/job-control.ts";
import type { Ledger } from "../../backend/ledger.ts";
import { parseTimestamp } from "../../envelope/index.ts";
import { withTimeout } from "../../time/time-limit.ts";
import { envelopeOfBody } from "../envelope-of-body.ts";
import { type Cancel, cancelKey, parseCancel, readCancels } from "./control-records.ts";

/** The cancels of a ledger, as one worker has read them. */
export interface KnownCancels {
  /** Reads cancels. Where there are many, each read goes on behind the one before. Rejects as the ledger does. */
  read(): Promise<void>;
  readonly size: number;
  /**
   * Whether the job was cancelled. An id may be enqueued again: a cancel is not about an envelope that was made later. One that does
   * not say when it was made is looked up, which never rejects: without the ledger what was read last counts.
   */
  isCancelled(lease: Lease): boolean | Promise<boolean>;
  /** The job has ended: removes its cancel. Without the ledger that expires. */
  ended(id: string): void;
}

const LOOK_UP_MS = 3_000;

/** `jobControl`: null where the backend cannot find jobs. */
export function createKnownCancels(ledger: Ledger, jobControl: Pick<JobControl, "list"> | null): KnownCancels {
  /** Of the last round over all of them, and of the present one. */
  let [last, present] = [new Map<string, Cancel>(), new Map<string, Cancel>()];
  let after: string | undefined;

  function forget(id: string): boolean {
    const [wasLast, wasPresent] = [last.delete(id), present.delete(id)];
    return wasLast || wasPresent;
  }

  async function lookUp(id: string): Promise<boolean> {
    const [record = null] = await ledger.read([cancelKey(id)]);
    const cancel = record && parseCancel(record.value);
    if (record === null || cancel === null) {
      forget(id);
      return false;
    }
    if (jobControl === null || cancel.enqueuedAt === null) return true;
    const [job] = (await jobControl.list({ ids: [id], limit: 1 })).jobs;
    if (job === undefined || job.enqueuedAt === null || job.enqueuedAt === cancel.enqueuedAt) return true;
    // The job that was cancelled has ended before its worker read this.
    forget(id);
    await ledger.commit([{ key: cancelKey(id), ifVersion: record.version, value: null }]);
    return false;
  }

  return {
    get size() {
      return Math.max(last.size, present.size);
    },
    async read() {
      const { cancels, next } = await readCancels(ledger, after);
      for (const [id, cancel] of cancels) present.set(id, cancel);
      after = next;
      if (next === undefined) [last, present] = [present, new Map()];
    },
    isCancelled({ id, body }) {
      const cancel = present.get(id) ?? last.get(id);
      if (cancel === undefined) return false;
      const madeAt = envelopeOfBody(body)?.created_at;
      if (madeAt !== undefined) return parseTimestamp(madeAt) <= cancel.at;
      return withTimeout(lookUp(id), LOOK_UP_MS).catch(() => true);
    },
    ended(id) {
      if (!forget(id)) return;
      void ledger.commit([{ key: cancelKey(id), ifVersion: "any", value: null }]).catch(() => undefined);
    },
  };
}
