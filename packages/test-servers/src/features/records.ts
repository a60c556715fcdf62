import { defineJob, type JobPage, type Jobs, type StoredJob } from "@waybill/core";
import type { RecordChange, RecordStore } from "@waybill/core/backend";

/** What a program sees of the jobs of a broker that cannot list them, while one waits, then runs, and has ended. */
export async function listByRecords(jobs: Jobs): Promise<{
  readonly since: number;
  readonly waiting: JobPage;
  readonly running: JobPage;
  readonly other: JobPage;
  readonly ended: { readonly list: JobPage; readonly job: StoredJob | null };
}> {
  let finish = (): void => undefined;
  let begun = (): void => undefined;
  const started = new Promise<void>((resolve) => (begun = resolve));
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const job = defineJob({
    type: "photo.resize",
    async handler() {
      begun();
      await finished;
    },
  });
  const since = Date.now();
  const { id } = await jobs.enqueue(job, { photo: "a.jpg" });
  const waiting = await jobs.list({ state: "ready", text: "A.JPG" });
  const settled = new Promise<void>((resolve) => {
    jobs.events.on("settled", () => resolve());
  });
  await jobs.worker({ jobs: [job] }).start();
  await started;
  // Written with the next batch of this connection, which a reader of it does not wait for.
  await jobs.records.get(id);
  const running = await jobs.list({ state: "leased" });
  const other = await jobs.list({ type: "photo.other" });
  finish();
  await settled;
  await jobs.records.get(id);
  return { since, waiting, running, other, ended: { list: await jobs.list(), job: await jobs.find(id) } };
}

const MOST = 300;
const STEPS = 15;
const WRITTEN = 100;

/** Writes and prunes at the same time. Returns the most records that were there after any step, and at the end. */
export async function pruneUnderLoad(store: RecordStore): Promise<{ readonly highest: number; readonly last: number }> {
  const count = async (): Promise<number> => (await store.find({ limit: 1_000 })).records.length;
  const first = Date.now() - STEPS * WRITTEN * 2;
  let number = 0;
  const some = (): RecordChange[] => Array.from({ length: WRITTEN }, () => recordAt(number++, first));
  let highest = 0;
  for (let step = 0; step < STEPS; step += 1) {
    const prune = store.prune({ before: null, most: MOST, limit: 500 });
    await Promise.all([store.write(some()), store.write(some()), prune]);
    highest = Math.max(highest, await count());
  }
  while ((await store.prune({ before: null, most: MOST, limit: 500 })) === 500);
  return { highest, last: await count() };
}

function recordAt(number: number, first: number): RecordChange {
  const at = first + number;
  return {
    id: `job-${String(number).padStart(6, "0")}`,
    type: "mail.send",
    queue: "mailers",
    tenant: null,
    enqueuedAt: at,
    payload: `{"n":${number}}`,
    state: "completed",
    code: null,
    message: null,
    at,
    startedAt: at,
    endedAt: at,
    items: {},
    rank: 3,
    replaces: at,
  };
}
