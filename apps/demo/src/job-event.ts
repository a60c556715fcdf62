import { z } from "zod";

/** One lifecycle event of one job, as core emitted it. Workers post these to the web process. */
export const jobEvent = z.object({
  /** Identifies the worker process. Never used again, not even by a process with the same pid. */
  source: z.string(),
  pid: z.int(),
  /** Counts from 1 within the source. Identifies events that are delivered twice. */
  seq: z.int(),
  /** Unix milliseconds. */
  at: z.number(),
  event: z.enum(["enqueued", "started", "settled", "lease_lost"]),
  id: z.string(),
  type: z.string(),
  queue: z.string(),
  attempt: z.int().optional(),
  /** Earlier deliveries that were lost with their worker. */
  lost: z.int().optional(),
  outcome: z.enum(["completed", "retry", "release", "dead"]).optional(),
  durationMs: z.number().optional(),
  delayMs: z.number().optional(),
  reason: z.object({ code: z.string(), message: z.string() }).optional(),
});
export type JobEvent = z.infer<typeof jobEvent>;

/** The body of one post of a worker. Without events it is a heartbeat. */
export const workerReport = z.object({
  source: z.string(),
  pid: z.int(),
  events: z.array(jobEvent),
});
export type WorkerReport = z.infer<typeof workerReport>;
