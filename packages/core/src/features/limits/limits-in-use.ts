import type { StoredJob } from "../../backend/job-control.ts";
import type { LedgerRecord } from "../../backend/ledger.ts";
import { type LiveWorker, liveWorkers } from "../../backend/live-worker.ts";
import type { Seam } from "../../backend/seam.ts";
import { wallMs } from "../../time/clock.ts";
import { envelopeOfBody } from "../envelope-of-body.ts";
import { ledgerPrefix } from "../ledger-key.ts";
import { parsedValue } from "../record-value.ts";
import type { SlotJob } from "../why/why-api.ts";
import { QUEUE_LIMIT } from "./limit-gate.ts";
import type { LimitInUse, LimitsInUse } from "./limits-in-use-api.ts";
import { CLOCK_KEY, storeTime } from "./store-clock.ts";

type LimitSeam = Pick<Seam, "backend" | "jobControl" | "inspector" | "workerRegistry" | "ledger">;

/** The most jobs of a state, and the most records of a kind, that one call looks at. */
const MOST = 1_000;
const MOST_JOBS = 100;

/** What is found of one key. */
interface Found {
  readonly kind: LimitInUse["kind"];
  readonly name: string;
  readonly key: string;
  readonly ids: Set<string>;
  taken: number;
  waiting: number;
  freeInMs: number | null;
}

/** What one call has found. */
class Keys {
  readonly #found = new Map<string, Found>();

  at(kind: LimitInUse["kind"], name: string, key: string): Found {
    const id = JSON.stringify([kind, name, key]);
    let one = this.#found.get(id);
    if (one === undefined) {
      one = { kind, name, key, ids: new Set(), taken: 0, waiting: 0, freeInMs: kind === "rate" ? 0 : null };
      this.#found.set(id, one);
    }
    return one;
  }

  has = (kind: LimitInUse["kind"], name: string, key: string): boolean =>
    this.#found.has(JSON.stringify([kind, name, key]));

  all = (): Found[] => [...this.#found.values()];
}

/** Reads which limits are in use. Changes nothing. Rejects as the backend and the ledger do. */
export async function limitsInUse(seam: LimitSeam): Promise<LimitsInUse> {
  const { ledger, jobControl, workerRegistry, backend } = seam;
  const isNative = backend.capabilities.keyConcurrency === true;
  const list = async (state: "leased" | "waiting" | "delayed"): Promise<readonly StoredJob[]> =>
    jobControl === null ? [] : (await jobControl.list({ state, limit: MOST })).jobs;
  const [workers, leased, waiting, delayed, slots, rates, clock] = await Promise.all([
    workerRegistry === null ? [] : liveWorkers(seam),
    isNative ? list("leased") : [],
    isNative ? list("waiting") : [],
    list("delayed"),
    ledger === null || isNative ? [] : ledger.list({ prefix: ledgerPrefix("limit"), limit: MOST }),
    ledger === null ? [] : ledger.list({ prefix: ledgerPrefix("rate"), limit: MOST }),
    ledger === null ? null : ledger.read([CLOCK_KEY]),
  ]);
  const keys = new Keys();
  const numbers = concurrencyNumbers(workers);
  for (const job of leased) {
    for (const [name, key] of limitsOf(job)) if (numbers.has(name)) keys.at("concurrency", name, key).ids.add(job.id);
  }
  for (const record of slots) addSlot(keys, record);
  for (const record of rates) addRate(keys, record, clock?.[0] ?? null);
  for (const one of keys.all()) one.taken = one.ids.size;
  for (const job of waiting) {
    for (const [name, key] of limitsOf(job)) if (numbers.has(name)) keys.at("concurrency", name, key).waiting += 1;
  }
  // A job that a worker released since its limit was used up waits as a delayed one.
  for (const job of delayed.filter(hasNoOwnTime)) {
    for (const [name, key] of limitsOf(job)) {
      for (const kind of ["concurrency", "rate"] as const) {
        if (keys.has(kind, name, key)) keys.at(kind, name, key).waiting += 1;
      }
    }
  }
  await addQueues(keys, seam, workers);
  const limits = keys.all().map((one) => inUse(one, workers, numbers, jobControl !== null));
  const isCut = [leased, waiting, delayed, slots, rates].some(({ length }) => length === MOST);
  return { limits: limits.toSorted((a, b) => (b.waiting ?? 0) - (a.waiting ?? 0) || b.taken - a.taken), isCut };
}

const limitsOf = ({ body }: StoredJob): [name: string, key: string][] =>
  Object.entries(envelopeOfBody(body)?.meta?.limits ?? {});

/** Whether it was released or failed, and not enqueued for later. */
function hasNoOwnTime({ body, attempt }: StoredJob): boolean {
  const at = envelopeOfBody(body)?.scheduled_at;
  return attempt === 1 && (at === undefined || Date.parse(at) <= wallMs());
}

/** Takes the parts out of "limit/NAME/KEY/3". */
function addSlot(keys: Keys, { key: record, value: id }: LedgerRecord): void {
  const [, name, key] = record.split("/").map(decoded);
  if (name !== undefined && key !== undefined) keys.at("concurrency", name, key).ids.add(id);
}

function addRate(keys: Keys, record: LedgerRecord, clock: LedgerRecord | null): void {
  const [, name, key] = record.key.split("/").map(decoded);
  const { 0: clockId, 1: arrival } = parsedValue(record);
  const now = storeTime(clock);
  if (name === undefined || key === undefined || typeof arrival !== "number" || now === null) return;
  // Times of another clock mean nothing.
  if (clockId !== clock?.version) return;
  keys.at("rate", name, key).freeInMs = Math.max(0, Math.round(arrival - now));
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The limits of queues are counted by the jobs of the queue. */
async function addQueues(keys: Keys, { inspector }: LimitSeam, workers: readonly LiveWorker[]): Promise<void> {
  const limited = new Set(workers.flatMap(({ concurrencyLimits }) => Object.keys(concurrencyLimits?.queues ?? {})));
  if (limited.size === 0 || inspector === null) return;
  for (const { queue, leased, ready } of await inspector.counts([...limited])) {
    if (!limited.has(queue) || leased === 0) continue;
    const found = keys.at("concurrency", QUEUE_LIMIT, queue);
    for (const { jobs = [] } of workers) {
      for (const job of jobs) if (job.queue === queue) found.ids.add(job.id);
    }
    found.taken = leased;
    found.waiting = ready;
  }
}

/** The highest number of each limit, where a deployment changes it. */
function concurrencyNumbers(workers: readonly LiveWorker[]): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const { concurrencyLimits } of workers) {
    for (const [name, most] of Object.entries(concurrencyLimits?.names ?? {}))
      numbers.set(name, Math.max(most, numbers.get(name) ?? 0));
  }
  return numbers;
}

function inUse(
  { kind, name, key, ids, taken, waiting, freeInMs }: Found,
  workers: readonly LiveWorker[],
  numbers: ReadonlyMap<string, number>,
  canLook: boolean,
): LimitInUse {
  const ofQueue = workers.map(({ concurrencyLimits }) => concurrencyLimits?.queues[key] ?? 0);
  const isQueue = name === QUEUE_LIMIT;
  const most = isQueue ? ofQueue.reduce((a, b) => Math.max(a, b), 0) || null : (numbers.get(name) ?? null);
  return {
    kind,
    limit: isQueue ? null : name,
    key,
    most: kind === "rate" ? null : most,
    taken,
    jobs: [...ids].slice(0, MOST_JOBS).map((id) => slotJob(id, workers)),
    waiting: canLook || isQueue ? waiting : null,
    freeInMs,
  };
}

function slotJob(id: string, workers: readonly LiveWorker[]): SlotJob {
  for (const worker of workers) {
    const job = worker.jobs?.find((one) => one.id === id);
    if (job !== undefined) return { id, worker: worker.id, since: job.since };
  }
  return { id, worker: null, since: null };
}
