import { WaybillError } from "./errors.ts";
import { momentOf } from "./foreign.ts";
import type { Announced } from "./roster.ts";
import type { Seam } from "./seam.ts";

/** What a worker says of itself. Members are only ever added: workers of several releases share a store. */
export interface WorkerFacts {
  readonly host: string;
  /** Of its process, on its host. */
  readonly pid: number;
  /** Of the program, as `connect` was told; null if it was not. */
  readonly version: string | null;
  readonly queues: readonly string[];
  /** Jobs it may run at once. */
  readonly concurrency: number;
  /** Jobs it ran when it was heard last. */
  readonly running: number;
  /** Unix milliseconds, by its own clock. */
  readonly startedAt: number;
  readonly heartbeatMs: number;
}

/** A worker that was heard within its last three heartbeats, by the store's clock. */
export interface LiveWorker extends WorkerFacts {
  /** As in its events and log lines. */
  readonly id: string;
  /** How long ago it was heard. */
  readonly heardMs: number;
}

/** Rejects `CAPABILITY_MISSING` where the backend keeps no roster. */
export async function liveWorkers({ backend, roster }: Pick<Seam, "backend" | "roster">): Promise<LiveWorker[]> {
  if (roster !== null) return (await roster.list()).map(liveWorkerOf).filter((worker) => worker !== null);
  throw new WaybillError(
    "CAPABILITY_MISSING",
    `${backend.address} has no place for a list of its workers; ask what starts them (systemd, ECS, Kubernetes), ` +
      'or keep the jobs where there is one: "redis:", "postgres:" or "sqlite:"',
  );
}

/** Null for facts that no worker of ours wrote. */
function liveWorkerOf({ id, facts, heardMs }: Announced): LiveWorker | null {
  const found = parsed(facts);
  return found === null ? null : { ...found, id, heardMs };
}

function parsed(facts: string): WorkerFacts | null {
  try {
    const value: unknown = JSON.parse(facts);
    return isFacts(value) ? value : null;
  } catch {
    return null;
  }
}

function isFacts(value: unknown): value is WorkerFacts {
  if (typeof value !== "object" || value === null) return false;
  const { host, version, queues, ...numbers } = value as Partial<WorkerFacts>;
  const { pid, concurrency, running, startedAt, heartbeatMs } = numbers;
  return (
    typeof host === "string" &&
    (version === null || typeof version === "string") &&
    Array.isArray(queues) &&
    queues.every((queue) => typeof queue === "string") &&
    [pid, concurrency, running, heartbeatMs].every((number) => typeof number === "number") &&
    momentOf(startedAt) !== null
  );
}
