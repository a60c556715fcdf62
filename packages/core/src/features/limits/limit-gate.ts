import type { Ledger } from "../../backend/ledger.ts";
import { defaults, type Envelope } from "../../envelope/index.ts";
import { WaybillError } from "../../errors.ts";
import type { Gate } from "../../execution/gate.ts";
import type { Delivery, JobLabel } from "../../job/delivery.ts";
import { type Outcome, release } from "../../job/outcome.ts";
import { monotonicMs } from "../../time/clock.ts";
import { withTimeout } from "../../time/time-limit.ts";
import { toError } from "../../values/thrown.ts";
import { type KeySlot, KeySlots, type TakenSlots } from "./slot-records.ts";
import type { LimitNumbers, Rate } from "./limit-numbers.ts";
import { rateKeysOf } from "./rate-keys.ts";
import { LONGEST_WAIT_MS } from "./rate-turns.ts";

/** Lets jobs start as the limits of a worker allow, by the ledger. */
export interface LimitGate extends Gate {
  /** The job has been settled: its slots are free. Call it for every job that was leased. */
  leave(label: JobLabel): void;
}

export interface LimitGateSettings {
  readonly ledger: Ledger;
  readonly numbers: LimitNumbers;
  /** Whether the backend counts leases by key, so that only rates are left to the ledger. */
  readonly countsKeys: boolean;
  /** Whether the backend counts releases. Otherwise any job counts as released before. */
  readonly countsReleases: boolean;
  readonly leaseMs: number;
  /** Called with the error of a call of the ledger; with null after one that succeeded. */
  readonly reached: (error: Error | null) => void;
}

interface RateKeyOfJob {
  readonly name: string;
  readonly key: string;
  readonly rate: Rate;
}

/** The names of the limits of queues. No limit of a definition has a colon in its name. */
export const QUEUE_LIMIT = ":queue";
/** A job whose limits cannot be looked up waits this long, and up to twice as long. */
const UNREACHABLE_MS = 2_000;
/** A job waits this long at most for the ledger: it has a slot of the worker meanwhile, which other jobs could use. */
const LEDGER_MS = 2_000;

export function createLimitGate(settings: LimitGateSettings): LimitGate {
  const { ledger, numbers, countsKeys, countsReleases, leaseMs, reached } = settings;
  const slots = new KeySlots(ledger, leaseMs);
  const rates = rateKeysOf(ledger);
  const taken = new WeakMap<JobLabel, TakenSlots>();
  /** After a call that took long, jobs are released without a call until then, so that they do not hold all slots of the worker. */
  let quietUntil = -Infinity;

  /** Returns the release of a job that has to wait, or null. Slots first, so that no turn is wasted. */
  async function enter(id: string, keys: readonly KeySlot[], limited: readonly RateKeyOfJob[], delivery: Delivery) {
    const { label, handle } = delivery;
    const askedAt = monotonicMs();
    if (askedAt < quietUntil) return unavailable("the ledger did not respond to the job before");
    const releases = countsReleases ? delivery.releases : 1;
    try {
      const outcome = await acquireSlots(id, keys, label, () => handle?.cancel(slotLost(id), 0));
      if (outcome !== null) return outcome;
      for (const { name, key, rate } of limited) {
        const turn = rates.turn(name, key, rate, { releases, damaged: reached });
        const waitMs = await withTimeout(turn, LEDGER_MS + LONGEST_WAIT_MS);
        if (waitMs === null) continue;
        if (label !== null) leave(label);
        return release(waitMs, "RATE_LIMITED", `the rate of ${described(name, key)} is used up for now`);
      }
      reached(null);
      // The process may have been frozen while it waited.
      const slot = label === null ? undefined : taken.get(label);
      if (slot !== undefined && slots.hasExpired(slot)) throw new Error("the slot ran out before the job could start");
      return handle?.reason ? release(0, handle.reason.code, handle.reason.message) : null;
    } catch (thrown) {
      const error = toError(thrown);
      reached(error);
      if (label !== null) leave(label);
      const now = monotonicMs();
      if (now - askedAt >= LEDGER_MS) quietUntil = now + UNREACHABLE_MS;
      return unavailable(error.message);
    }
  }

  async function acquireSlots(
    id: string,
    keys: readonly KeySlot[],
    label: JobLabel | null,
    lost: () => void,
  ): Promise<Outcome | null> {
    if (keys.length === 0) return null;
    const taking = slots.take(keys, id, lost);
    const found = await withTimeout(taking, LEDGER_MS).catch((thrown: unknown) => {
      // It may be taken late: then it is free again at once.
      void taking.then((late) => ("slots" in late ? slots.free(late) : undefined)).catch(() => undefined);
      throw thrown;
    });
    if ("slots" in found) {
      if (label !== null) taken.set(label, found);
      return null;
    }
    const why = `${described(found.name, found.key)} has no free slot`;
    return release(slots.delayMs(found, id), "LIMIT_FULL", why);
  }

  function leave(label: JobLabel): void {
    const found = taken.get(label);
    if (found === undefined) return;
    taken.delete(label);
    void slots.free(found);
  }

  /** The keys of one job whose limits this worker has. */
  function slotsOf(keys: Readonly<Record<string, string>>, queue: string): KeySlot[] {
    if (countsKeys) return [];
    const found: KeySlot[] = [];
    for (const [name, key] of Object.entries(keys)) {
      const most = numbers.concurrency.get(name);
      if (most !== undefined) found.push({ name, key, most });
    }
    const most = numbers.queues.get(queue)?.concurrency;
    if (most !== undefined) found.push({ name: QUEUE_LIMIT, key: queue, most });
    return found;
  }

  /** The slowest first: a turn of the others is then not long past when the job starts. */
  function ratesOf(keys: Readonly<Record<string, string>>, queue: string): RateKeyOfJob[] {
    const found: RateKeyOfJob[] = [];
    for (const [name, key] of Object.entries(keys)) {
      const rate = numbers.rates.get(name);
      if (rate !== undefined) found.push({ name, key, rate });
    }
    const rate = numbers.queues.get(queue)?.rate;
    if (rate !== undefined) found.push({ name: QUEUE_LIMIT, key: queue, rate });
    return found.sort((one, other) => one.rate.count / one.rate.perMs - other.rate.count / other.rate.perMs);
  }

  return {
    leave,
    enter(envelope, delivery) {
      const keys = envelope.meta?.limits ?? NONE;
      const queue = delivery.label?.queue ?? envelope.queue ?? defaults.queue;
      if (keys === NONE && !numbers.queues.has(queue)) return null;
      const needed = slotsOf(keys, queue);
      const limited = ratesOf(keys, queue);
      if (needed.length === 0 && limited.length === 0) return null;
      return enter(envelope.id, needed, limited, delivery);
    },
  };
}

const NONE: NonNullable<NonNullable<Envelope["meta"]>["limits"]> = {};

const described = (name: string, key: string): string =>
  name === QUEUE_LIMIT ? `queue "${key}"` : `limit "${name}" with the key "${key}"`;

function unavailable(why: string): Outcome {
  const delayMs = UNREACHABLE_MS * (1 + Math.random());
  return release(delayMs, "LIMITS_UNAVAILABLE", `its limits could not be looked up: ${why}`);
}

function slotLost(id: string): WaybillError {
  return new WaybillError(
    "LEASE_LOST",
    `the slot of job "${id}" under its limit ran out before it was renewed; another job may have it`,
  );
}
