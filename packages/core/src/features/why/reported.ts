import type { LiveWorker } from "../../backend/live-worker.ts";

/** A worker that has, or had, the job: a live one, or that of the record. */
export interface Reported<Entry> {
  readonly worker: Pick<LiveWorker, "id" | "host" | "heartbeatMs">;
  readonly entry: Entry;
}
