import { WaybillError } from "../errors.ts";
import { momentOf } from "./foreign-records.ts";
import type { Announced } from "./worker-registry.ts";
import type { Seam } from "./seam.ts";
import { type WorkerDetails, withDetails } from "./worker-details.ts";

/** What a worker reports about itself. Members are only added: workers of several releases share a store. */
export interface WorkerFacts extends WorkerDetails {
  readonly host: string;
  /** In Amazon ECS: the id of its task on Fargate, else of its container. Omitted elsewhere. */
  readonly task?: string;
  /** The id of its process, on its host. */
  readonly pid: number;
  /** The `version` given to `connect`; null for none. */
  readonly version: string | null;
  readonly queues: readonly string[];
  /** The most jobs it runs at once. */
  readonly concurrency: number;
  /** Jobs that ran at its last heartbeat. */
  readonly running: number;
  /** When it started, in Unix milliseconds by its own clock. */
  readonly startedAt: number;
  readonly heartbeatMs: number;
}

/** A worker whose last heartbeat is at most three of its intervals old, by the store's clock. */
export interface LiveWorker extends WorkerFacts {
  /** Its id, as in its events and log lines. */
  readonly id: string;
  /** Milliseconds since its last heartbeat. */
  readonly heardMs: number;
}

/** Returns the live workers by id. Rejects `CAPABILITY_MISSING` where the backend has no worker registry. */
export async function liveWorkers({
  backend,
  workerRegistry,
}: Pick<Seam, "backend" | "workerRegistry">): Promise<LiveWorker[]> {
  if (workerRegistry !== null)
    return (await workerRegistry.list()).map(liveWorkerOf).filter((worker) => worker !== null);
  throw new WaybillError(
    "CAPABILITY_MISSING",
    `${backend.address} keeps no list of its workers; give it a ledger (ledger: "postgres://…", or ?ledger= in its URL), ` +
      'or use a backend that keeps one: "redis:", "postgres:" or "sqlite:"',
  );
}

/** Null for an entry that was not written by a worker. */
function liveWorkerOf({ id, facts, heardMs }: Announced): LiveWorker | null {
  const found = parsed(facts);
  return found === null ? null : { ...found, id, heardMs };
}

function parsed(facts: string): WorkerFacts | null {
  try {
    const value: unknown = JSON.parse(facts);
    return isFacts(value) ? withDetails(value) : null;
  } catch {
    return null;
  }
}

function isFacts(value: unknown): value is WorkerFacts {
  if (typeof value !== "object" || value === null) return false;
  const { host, task, version, queues, ...numbers } = value as Partial<WorkerFacts>;
  const { pid, concurrency, running, startedAt, heartbeatMs } = numbers;
  return (
    typeof host === "string" &&
    (task === undefined || typeof task === "string") &&
    (version === null || typeof version === "string") &&
    Array.isArray(queues) &&
    queues.every((queue) => typeof queue === "string") &&
    [pid, concurrency, running, heartbeatMs].every((number) => typeof number === "number") &&
    momentOf(startedAt) !== null
  );
}
