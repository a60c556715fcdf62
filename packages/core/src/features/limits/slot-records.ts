import type { Ledger } from "../../backend/ledger.ts";
import { monotonicMs } from "../../time/clock.ts";
import { afterConflict } from "../after-conflict.ts";
import { ledgerKey } from "../ledger-key.ts";

/** A key that a job counts under, and how many may run at once. */
export interface KeySlot {
  readonly name: string;
  readonly key: string;
  readonly most: number;
}

/** A slot that a running job has: a record of the ledger, which expires unless it is renewed. */
interface TakenSlot {
  readonly record: string;
  /** The id of the job, which is the value of the record. */
  readonly job: string;
  version: number;
}

/** The slots of one running job. */
export interface TakenSlots {
  readonly slots: readonly TakenSlot[];
  /** Called when a slot expired before it was renewed: another job may have it. */
  readonly lost: () => void;
  /** When they expire, in monotonic milliseconds. */
  expiresAt: number;
  /** The renewal that has not returned yet; null for none. */
  renewing: Promise<void> | null;
}

/** A key that was full is not asked for again within this time. */
const FULL_MS = 50;
/** Jobs of a full key come again at this rate together, whatever their number. */
const RETRY_EVERY_MS = 100;
const SHORTEST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 60_000;
/** Most keys of which it is remembered that they were full, and which jobs they blocked. */
const MOST_KEYS = 10_000;

/**
 * Counts the running jobs of a key in the ledger, for backends that do not count leases by key. Each slot is a record that expires
 * with the lease of its job: what dies with its worker is free again by itself.
 */
export class KeySlots {
  readonly #ledger: Ledger;
  readonly #leaseMs: number;
  readonly #taken = new Set<TakenSlots>();
  /** The records of `#taken`, and those that are just being freed. */
  readonly #own = new Set<string>();
  /** For the record of a limit of 1 that is just being taken: resolves once that has ended. */
  readonly #tries = new Map<string, Promise<void>>();
  readonly #fullUntil = new Map<string, number>();
  /** The jobs that found a key full, with when they did last. */
  readonly #blocked = new Map<string, Map<string, number>>();
  #timer: NodeJS.Timeout | null = null;

  constructor(ledger: Ledger, leaseMs: number) {
    this.#ledger = ledger;
    this.#leaseMs = leaseMs;
  }

  /** Takes a slot of each key, or none. Returns the first key that is full. Rejects when the ledger cannot be reached. */
  async take(keys: readonly KeySlot[], job: string, lost: () => void): Promise<TakenSlots | KeySlot> {
    const bases = keys.map(recordOf);
    const lone = bases.map(loneOf).filter((_, at) => keys[at]?.most === 1);
    for (let other; (other = this.#tryOf(lone)) !== undefined;) await other;
    const full = keys.find((key, at) => key.most === 1 && this.#own.has(loneOf(bases[at] as string)));
    if (full !== undefined) return full;
    let end = (): void => undefined;
    const trying = new Promise<void>((resolve) => (end = resolve));
    for (const record of lone) this.#tries.set(record, trying);
    try {
      return await this.#reserve(keys, bases, job, lost);
    } finally {
      for (const record of lone) this.#tries.delete(record);
      end();
    }
  }

  #tryOf(records: readonly string[]): Promise<void> | undefined {
    const record = records.find((one) => this.#tries.has(one));
    return record === undefined ? undefined : this.#tries.get(record);
  }

  async #reserve(
    keys: readonly KeySlot[],
    bases: readonly string[],
    job: string,
    lost: () => void,
  ): Promise<TakenSlots | KeySlot> {
    for (let conflicts = 0; ; conflicts += 1) {
      const full = keys.find((_, at) => (this.#fullUntil.get(bases[at] as string) ?? 0) > monotonicMs());
      if (full !== undefined) return full;
      const askedAt = monotonicMs();
      const found = await Promise.all(keys.map((key, at) => this.#freeSlot(bases[at] as string, key.most)));
      const none = found.indexOf(null);
      if (none !== -1) return this.#found(keys, bases, none);
      const records = found as string[];
      const commit = await this.#ledger.commit(
        records.map((key) => ({ key, ifVersion: "absent", value: job, expiresInMs: this.#leaseMs })),
      );
      if (!commit.ok) {
        const taken = records.findIndex((record, at) => keys[at]?.most === 1 && commit.conflicts.includes(record));
        if (taken !== -1) return this.#found(keys, bases, taken);
        await afterConflict(commit.conflicts[0] as string, conflicts);
        continue;
      }
      for (const base of bases) this.#unblock(base, job);
      for (const record of records) this.#own.add(record);
      const slots = records.map((record, index) => ({ record, job, version: commit.versions[index] as number }));
      const taken: TakenSlots = { slots, lost, expiresAt: askedAt + this.#leaseMs, renewing: null };
      this.#taken.add(taken);
      this.#timer ??= setInterval(() => this.#renew(), this.#leaseMs / 3).unref();
      return taken;
    }
  }

  /** Whether the slots may be those of another job by now. */
  hasExpired({ expiresAt }: TakenSlots): boolean {
    return monotonicMs() >= expiresAt;
  }

  /** Frees the slots of a job that has ended. Never rejects: what cannot be freed expires. */
  async free(taken: TakenSlots): Promise<void> {
    if (!this.#taken.delete(taken)) return;
    if (this.#taken.size === 0 && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
    // A renewal gives the records other versions.
    await taken.renewing;
    const changes = taken.slots.map(({ record, version }) => ({ key: record, ifVersion: version, value: null }));
    await this.#ledger.commit(changes).catch(() => undefined);
    for (const { record } of taken.slots) {
      this.#own.delete(record);
      this.#fullUntil.delete(record.slice(0, record.lastIndexOf("/")));
    }
  }

  /** How long a job that found this key full is to wait: the more jobs wait, the longer, so that they come at the same rate. */
  delayMs(key: KeySlot, job: string): number {
    const record = recordOf(key);
    let blocked = this.#blocked.get(record);
    if (blocked === undefined && this.#blocked.size >= MOST_KEYS) this.#blocked.clear();
    if (blocked === undefined) this.#blocked.set(record, (blocked = new Map()));
    const now = monotonicMs();
    blocked.delete(job);
    blocked.set(job, now);
    for (const [id, at] of blocked) {
      if (now - at <= 2 * LONGEST_DELAY_MS && blocked.size <= 20_000) break;
      blocked.delete(id);
    }
    const delayMs = Math.min(Math.max(blocked.size * RETRY_EVERY_MS, SHORTEST_DELAY_MS), LONGEST_DELAY_MS);
    return delayMs * (0.5 + Math.random());
  }

  #unblock(record: string, job: string): void {
    const blocked = this.#blocked.get(record);
    if (blocked?.delete(job) && blocked.size === 0) this.#blocked.delete(record);
  }

  /** Returns the record of a free slot, or null. That of a limit of 1 is not looked up: taking it shows whether it was free. */
  async #freeSlot(base: string, most: number): Promise<string | null> {
    if (most === 1) return loneOf(base);
    const records = Array.from({ length: most }, (_, index) => `${base}/${index}`);
    const free: string[] = [];
    for (const [index, record] of (await this.#ledger.read(records)).entries()) {
      if (record === null) free.push(records[index] as string);
    }
    // Not always the first: workers that ask at the same time would all ask for it.
    return free[Math.floor(Math.random() * free.length)] ?? null;
  }

  #found(keys: readonly KeySlot[], bases: readonly string[], full: number): KeySlot {
    if (this.#fullUntil.size > MOST_KEYS) this.#fullUntil.clear();
    this.#fullUntil.set(bases[full] as string, monotonicMs() + FULL_MS);
    return keys[full] as KeySlot;
  }

  /** Renews every slot, unless its last renewal has not returned yet: that one will change the version. One that another job has is lost. */
  #renew(): void {
    for (const taken of this.#taken) {
      taken.renewing ??= this.#renewOne(taken).finally(() => (taken.renewing = null));
    }
  }

  async #renewOne(taken: TakenSlots): Promise<void> {
    const { slots } = taken;
    const askedAt = monotonicMs();
    try {
      const commit = await this.#ledger.commit(
        slots.map(({ record, job, version }) => ({
          key: record,
          ifVersion: version,
          value: job,
          expiresInMs: this.#leaseMs,
        })),
      );
      if (commit.ok) {
        for (const [at, slot] of slots.entries()) slot.version = commit.versions[at] as number;
        taken.expiresAt = askedAt + this.#leaseMs;
        return;
      }
    } catch {
      if (monotonicMs() < taken.expiresAt) return;
    }
    if (!this.#taken.delete(taken)) return;
    for (const { record } of slots) this.#own.delete(record);
    taken.lost();
  }
}

/** What the records of a key's slots begin with. */
const recordOf = ({ name, key }: KeySlot): string => ledgerKey("limit", name, key);
/** The record of the one slot of a limit of 1. */
const loneOf = (base: string): string => `${base}/0`;
