import type { JobContext } from "@waybill/core";

const open = new Set<string>();
const waiting = new Map<string, Set<() => void>>();

/** A handler that ends by `finish`, or by its signal. */
export function waitForGate(job: JobContext): Promise<void> {
  if (open.has(job.id)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    waiting.set(job.id, (waiting.get(job.id) ?? new Set()).add(resolve));
    job.signal.addEventListener("abort", () => reject(job.signal.reason as Error), { once: true });
  });
}

/** Lets every run of the job end, and those to come. */
export function finish(id: string): void {
  open.add(id);
  for (const resolve of waiting.get(id) ?? []) resolve();
  waiting.delete(id);
}

/** Closes the gate, for a delivery path that delivers the same job again. */
export function shut(id: string): void {
  open.delete(id);
}
