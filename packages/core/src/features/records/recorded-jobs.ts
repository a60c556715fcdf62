import type { JobPage, JobQuery, JobState, StoredJob } from "../../backend/job-control.ts";
import type { RecordState, RecordStore, StoredRecord } from "../../backend/record-store.ts";
import { jobRecordOf } from "./job-record.ts";

/** Finds the unfinished jobs of a broker that cannot list them, in their records. */
export interface RecordedJobs {
  /** Null also for a job that has ended and is no dead letter. */
  find(id: string): Promise<StoredJob | null>;
  list(query: JobQuery): Promise<JobPage>;
  /** Whether anything was ever recorded: otherwise an empty list would say that there are no jobs. */
  hasAny(): Promise<boolean>;
}

/** In the order of a list. */
const STATES: readonly (readonly [RecordState, JobState])[] = [
  ["waiting", "ready"],
  ["running", "leased"],
  ["retrying", "delayed"],
  ["dead", "dead"],
];

export function createRecordedJobs(store: Pick<RecordStore, "get" | "find">): RecordedJobs {
  async function find(id: string): Promise<StoredJob | null> {
    const record = await store.get(id);
    return record && jobOf(record);
  }

  async function ofIds(ids: readonly string[], query: JobQuery): Promise<JobPage> {
    const found = await Promise.all([...new Set(ids)].map(find));
    const matches = ({ queue, type, state, tenant, enqueuedAt, body }: StoredJob): boolean =>
      (query.queue ?? queue) === queue &&
      (query.type ?? type) === type &&
      (query.state ?? state) === state &&
      (query.tenant ?? tenant) === tenant &&
      (enqueuedAt ?? 0) >= (query.since ?? 0) &&
      (query.text === undefined || body.toLowerCase().includes(query.text.toLowerCase()));
    return { jobs: found.filter((job): job is StoredJob => job !== null && matches(job)), next: null };
  }

  return {
    find,
    async hasAny() {
      return (await store.find({ limit: 1 })).asOf !== null;
    },
    async list(query) {
      const { ids, state, limit = 100, after = "", ...filter } = query;
      if (ids !== undefined) return ofIds(ids, query);
      const states = STATES.filter(([, shown]) => state === undefined || shown === state);
      const jobs: StoredJob[] = [];
      let asOf: number | null = null;
      // The state that the page before ended in, and where.
      const colon = after.indexOf(":");
      const first = states.findIndex(([recorded]) => recorded === after.slice(0, Math.max(colon, 0)));
      let cursor: string | null = first < 0 ? null : after.slice(colon + 1);
      for (const [recorded] of states.slice(Math.max(first, 0))) {
        const range = {
          ...filter,
          state: recorded,
          limit: limit - jobs.length,
          ...(cursor !== null && { after: cursor }),
        };
        cursor = null;
        const page = await store.find(range);
        asOf = page.asOf;
        jobs.push(...page.records.flatMap((record) => jobOf(record) ?? []));
        if (page.next !== null) return { jobs, next: `${recorded}:${page.next}`, asOf };
        if (jobs.length >= limit) {
          const rest = states.slice(states.findIndex(([one]) => one === recorded) + 1);
          const [following] = rest[0] ?? [];
          // A cursor behind no record: the first page of the next state.
          return { jobs, next: following === undefined ? null : `${following}:${FIRST}`, asOf };
        }
      }
      return { jobs, next: null, asOf };
    },
  };
}

/** Later than every record. */
const FIRST = `${Number.MAX_SAFE_INTEGER}.${Number.MAX_SAFE_INTEGER}`;

function jobOf(stored: StoredRecord): StoredJob | null {
  const shown = STATES.find(([state]) => state === stored.state);
  if (shown === undefined) return null;
  const { id, type, queue, tenant, enqueuedAt, code, message, payload, state } = stored;
  const last = jobRecordOf(stored).attempts.at(-1)?.attempt ?? 1;
  return {
    id,
    type,
    queue,
    state: shown[1],
    tenant,
    priority: 0,
    attempt: state === "retrying" ? last + 1 : last,
    enqueuedAt,
    dueAt: null,
    reason: state === "dead" ? { code: code ?? "", message: message ?? "" } : null,
    body: payload ?? "",
  };
}
