import { z } from "zod";

/** What a worker tells the web process: one lifecycle event of one job, as core announced it. */
export const jobEvent = z.object({
  /** Which worker process, for ever: no other process has the same. */
  source: z.string(),
  pid: z.int(),
  /** Counts from 1 within the source: a line that comes twice is known by it. */
  seq: z.int(),
  /** Unix milliseconds. */
  at: z.number(),
  event: z.enum(["enqueued", "started", "settled", "lease_lost"]),
  id: z.string(),
  type: z.string(),
  queue: z.string(),
  attempt: z.int().optional(),
  /** Deliveries before this one whose worker died. */
  lost: z.int().optional(),
  outcome: z.enum(["completed", "retry", "release", "dead"]).optional(),
  durationMs: z.number().optional(),
  delayMs: z.number().optional(),
  reason: z.object({ code: z.string(), message: z.string() }).optional(),
});
export type JobEvent = z.infer<typeof jobEvent>;

/** One post of a worker. Without events it still says that the worker lives. */
export const workerReport = z.object({
  source: z.string(),
  pid: z.int(),
  events: z.array(jobEvent),
});
export type WorkerReport = z.infer<typeof workerReport>;
