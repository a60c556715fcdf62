import type { JobEvent } from "../job-event.ts";
import type { JobView } from "./views.ts";

/** The state of a job that has not started. */
export const untouched = {
  state: "waiting",
  attempt: 0,
  starts: 0,
  pid: null,
  durationMs: null,
  dueAt: null,
  reason: null,
} as const;

/** Returns the members of a job that an event changes. */
export function afterEvent(job: JobView, event: JobEvent): Partial<JobView> {
  const { attempt = job.attempt, pid, durationMs = null, reason = null } = event;
  if (event.event === "started") {
    return { state: "running", attempt, pid, starts: job.starts + 1, durationMs: null, dueAt: null, reason: null };
  }
  if (event.event === "lease_lost") return job.pid === pid && job.state === "running" ? { state: "interrupted" } : {};
  if (event.event === "enqueued") return {};
  switch (event.outcome) {
    case "completed":
      return { state: "done", attempt, durationMs, reason: null, dueAt: null };
    case "dead":
      return { state: "dead", attempt, durationMs, reason, dueAt: null };
    case "retry":
      return { state: "retrying", attempt, durationMs, reason, dueAt: event.at + (event.delayMs ?? 0) };
    default:
      return { state: "waiting", reason, dueAt: null };
  }
}
