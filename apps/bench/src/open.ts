import { connect, type ConnectOptions, type Jobs } from "@waybill/core";

/** Log lines go to stdout, which the parent points at a file, or nowhere. */
export type Logs = "on" | "off";

export function open(url: string, logs: Logs, options: ConnectOptions = {}): Promise<Jobs> {
  return connect(url, { log: logs === "on" ? "stdout" : "off", ...options });
}

/** What the backend holds over all queues: the other half of every count, since a handler's is not proof of a write. */
export async function storedJobs(
  jobs: Jobs,
): Promise<{ ready: number; leased: number; dead: number; finished: number }> {
  if (jobs.inspector === null) throw new Error(`${jobs.backend.name} cannot be counted`);
  const total = { ready: 0, leased: 0, dead: 0, finished: 0 };
  for (const queue of await jobs.inspector.counts()) {
    total.ready += queue.ready + queue.delayed;
    total.leased += queue.leased;
    total.dead += queue.dead;
    total.finished += queue.finished;
  }
  return total;
}
