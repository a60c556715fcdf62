import { liveWorkers } from "../../backend/live-worker.ts";
import type { StoredRecord } from "../../backend/record-store.ts";
import type { Seam } from "../../backend/seam.ts";
import { wallMs } from "../../time/clock.ts";
import { recordedJob } from "../why/recorded.ts";
import type { AuditQueue } from "./audit-api.ts";

/** How long a job must have been due, and unchanged in its record, before it is expected in its queue. */
const QUIET_MS = 60_000;

export interface BrokerGaps {
  readonly missing: number;
  /** The expected jobs of queues that are empty. */
  readonly gone: readonly StoredRecord[];
  readonly queues: readonly AuditQueue[];
}

/**
 * Compares the unfinished jobs that must be in a queue by now with what the broker counts there. A queue that has fewer has lost
 * some; which ones is known only where it is empty.
 */
export async function brokerGaps(
  seam: Pick<Seam, "backend" | "inspector" | "workerRegistry">,
  open: readonly StoredRecord[],
): Promise<BrokerGaps> {
  const quiet = open.filter(isQuiet);
  if (quiet.length === 0 || seam.inspector === null) return { missing: 0, gone: [], queues: [] };
  const names = [...new Set(quiet.map(({ queue }) => queue))];
  const [workers, letters, counts] = await Promise.all([
    seam.workerRegistry === null ? [] : liveWorkers(seam),
    seam.inspector.deadLetters({ limit: Infinity }),
    seam.inspector.counts(names),
  ]);
  const elsewhere = new Set([
    ...letters.map(({ id }) => id),
    ...workers.flatMap(({ jobs = [], returned = [] }) => [...jobs, ...returned].map(({ id }) => id)),
  ]);
  const gone: StoredRecord[] = [];
  const queues: AuditQueue[] = [];
  for (const queue of names) {
    const expected = quiet.filter((record) => record.queue === queue && !elsewhere.has(record.id));
    if (expected.length === 0) continue;
    // A delayed job is none of those that are due.
    const { ready = 0, leased = 0 } = counts.find((one) => one.queue === queue) ?? {};
    const counted = ready + leased;
    queues.push({ queue, expected: expected.length, counted });
    if (counted === 0) gone.push(...expected);
  }
  const missing = queues.reduce((sum, { expected, counted }) => sum + Math.max(0, expected - counted), 0);
  return { missing, gone, queues };
}

/** Whether a job is due, and nothing was recorded of it for a while. */
function isQuiet(record: StoredRecord): boolean {
  const before = wallMs() - QUIET_MS;
  return record.at < before && (recordedJob(record)?.dueAt ?? 0) < before;
}
