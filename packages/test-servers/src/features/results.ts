import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Jobs } from "@waybill/core";

/** A result of any value, as a Standard Schema. */
const any = {
  "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) },
} as const;
const measure = defineJob({ type: "photo.measure", result: any, handler: () => "measured" });
const doomed = defineJob({
  type: "photo.lose",
  result: any,
  retry: { maxAttempts: 1 },
  handler() {
    throw new Error("no such photo");
  },
});

const codeOf = (waited: Promise<unknown>): Promise<unknown> =>
  waited.then(
    (value) => value,
    (thrown: { readonly code: string }) => thrown.code,
  );

/**
 * What the waits of one connection end with for what the other does: it cancels a job that waits, one before the wait has begun,
 * one whose id it enqueues again, and drops a dead letter.
 */
export async function endedByAnother(jobs: Jobs, other: Jobs): Promise<unknown[]> {
  const waiting = await jobs.enqueue(measure, {}, { delay: "1h" });
  const ended = codeOf(jobs.result(waiting));
  // The wait has seen its job, as most have.
  await sleep(50);
  await other.cancel(waiting.id);

  const before = await jobs.enqueue(measure, {}, { delay: "1h" });
  await other.cancel(before.id);

  const again = await jobs.enqueue(measure, {}, { delay: "1h", id: crypto.randomUUID() });
  await other.cancel(again.id);
  const second = await other.enqueue(measure, {}, { delay: "1h", id: again.id });
  const measured = codeOf(jobs.result(second));
  const lost = await jobs.enqueue(doomed, {});
  const dead = codeOf(jobs.result(lost));
  const dropped = new Promise((resolve) => {
    other.events.on("settled", ({ id }) => {
      if (id === lost.id) resolve(other.inspector?.drop({ ids: [id] }));
    });
  });
  await other.worker({ jobs: [measure, doomed] }).start();
  await other.runNow(again.id);
  return [await ended, await codeOf(jobs.result(before)), await measured, await dropped, await dead];
}

/** What `endedByAnother` returns. */
export const ENDED_BY_ANOTHER = ["JOB_CANCELLED", "JOB_CANCELLED", "measured", 1, "JOB_DEAD"] as const;
