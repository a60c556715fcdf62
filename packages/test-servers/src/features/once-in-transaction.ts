import { defineJob, type Jobs } from "@waybill/core";

/** Runs `work` in a transaction, which ends by a rollback when it throws. `insert` writes one row in it. */
export type Transact = (
  work: (transaction: unknown, insert: (job: string) => unknown) => Promise<void>,
) => Promise<void>;

/**
 * Runs one job, whose handler inserts a row by `once` in a transaction, until it completes. Returns what `once` has returned at
 * each attempt.
 */
export async function bookOnce(
  jobs: Jobs,
  transact: Transact,
  fails: (attempt: number) => "before the commit" | "after it" | null,
): Promise<unknown[]> {
  const results: unknown[] = [];
  const book = defineJob({
    type: "order.book",
    retry: { initial: 10, jitter: false },
    async handler(_, job) {
      await transact(async (transaction, insert) => {
        const write = async (): Promise<string> => {
          await insert(job.id);
          return `booked by attempt ${job.attempt}`;
        };
        results.push(await job.once("book", write, { in: transaction }));
        if (fails(job.attempt) === "before the commit") throw new Error("rolled back");
      });
      if (fails(job.attempt) === "after it") throw new Error("the process dies here");
    },
  });
  const completed = new Promise<void>((resolve) => {
    jobs.events.on("settled", ({ outcome }) => void (outcome === "completed" && resolve()));
  });
  await jobs.worker({ jobs: [book] }).start();
  await jobs.enqueue(book, {});
  await completed;
  return results;
}
