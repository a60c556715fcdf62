import type { Lease, UniqueKey } from "../../backend/contract.ts";
import type { Ledger, LedgerChange } from "../../backend/ledger.ts";
import { keyTaken } from "../../backend/shared/refusals.ts";
import { isWaybillError, type WaybillError } from "../../errors.ts";
import { afterConflict } from "../after-conflict.ts";
import { ENDING_MS, type FoundKey, foundKey, type KeyRecord, lastsMs } from "./key-record.ts";
import { displaced, displacedKey, recordKey } from "./ledger-keys.ts";

/** What a delivered job has of its key. */
export interface KeptKey {
  readonly key: string;
  readonly version: number;
}

type JudgedLease = Pick<Lease, "id" | "type" | "attempt" | "lost" | "releases">;

export type Delivered =
  /** `kept`: the key that its end frees; null for none. */
  | { readonly kind: "run"; readonly kept: KeptKey | null }
  /** Another took its place, or its enqueue was refused or ignored: it is removed. */
  | { readonly kind: "drop" }
  /** Another job has its key, or the record of its key is damaged: it is a dead letter. */
  | { readonly kind: "refused"; readonly error: WaybillError };

/** Keeps the keys of jobs that are delivered and end. Each call rejects where the ledger cannot be reached. */
export interface DeliveredKeys {
  /** Judges a job that a worker has leased. */
  deliver(lease: JudgedLease, unique: UniqueKey): Promise<Delivered>;
  /** The job is about to wait for `delayMs` until its next delivery. Returns its key as it is then. */
  waits(id: string, kept: KeptKey, delayMs: number): Promise<KeptKey>;
  /** The end of the job is about to be stored: its key expires in a minute. Returns it as it is then. */
  ending(id: string, kept: KeptKey): Promise<KeptKey>;
  /** The end of the job is stored: its key is free, unless another job has it. */
  free(kept: KeptKey): Promise<void>;
}

export function createDeliveredKeys(ledger: Ledger, idleMs: number): DeliveredKeys {
  const write = (
    key: string,
    ifVersion: LedgerChange["ifVersion"],
    record: KeyRecord,
    expiresInMs: number,
  ): LedgerChange => ({ key, ifVersion, value: JSON.stringify(record), expiresInMs });

  /** What becomes of the job, and the changes that make it so; null for a record that need not change. */
  function judged(
    { id, attempt, lost, releases }: JudgedLease,
    key: string,
    unique: UniqueKey,
    found: FoundKey | null,
  ): { readonly result: Delivered; readonly changes: readonly LedgerChange[] } {
    const { until, onConflict } = unique;
    const run: Delivered = { kind: "run", kept: null };
    const started = (version: LedgerChange["ifVersion"]): LedgerChange =>
      write(key, version, { id, state: "started" }, idleMs);
    // It is delivered before its enqueue was confirmed: so it is stored, and has taken the place of the other.
    const replaced =
      found?.id === id && found.old !== undefined ? [displaced(found.old, { by: id, refused: false })] : [];
    if (until === "start") {
      if (found?.id === id)
        return { result: run, changes: [{ key, ifVersion: found.version, value: null }, ...replaced] };
      if (found?.old !== id) return { result: run, changes: [] };
      // It starts, so the reservation on its key is one on a free key.
      const reservation = write(key, found.version, { id: found.id, state: "reserved" }, ENDING_MS);
      return { result: run, changes: [reservation] };
    }
    if (typeof until === "number") {
      if (found?.id !== id || found.state === "started") return { result: run, changes: [] };
      const { endsAt, version } = found;
      const record: KeyRecord = { id, state: "started", ...(endsAt !== undefined && { endsAt }) };
      return { result: run, changes: [write(key, version, record, lastsMs(until, idleMs, endsAt)), ...replaced] };
    }
    if (found === null) return { result: run, changes: [started("absent")] };
    if (found.id === id) return { result: run, changes: [started(found.version), ...replaced] };
    if (found.old === id && found.state === "reserved") {
      return { result: run, changes: [started(found.version), displaced(found.id, { by: id, refused: true })] };
    }
    const refused: Delivered = { kind: "refused", error: keyTaken(id, found.id, "run") };
    // Its worker died after its end was marked and before that was stored: its key has been freed since.
    if (attempt + lost + releases > 1) return { result: refused, changes: [] };
    // It came without an enqueue of this library, or its reservation has lapsed before it was stored.
    if (onConflict === "ignore") return { result: { kind: "drop" }, changes: [] };
    if (onConflict === "reject" || found.state === "started" || found.state === "ending") {
      return { result: refused, changes: [] };
    }
    return { result: run, changes: [started(found.version), displaced(found.id, { by: id, refused: false })] };
  }

  async function deliver(lease: JudgedLease, unique: UniqueKey): Promise<Delivered> {
    const { id, type } = lease;
    const key = recordKey(type, unique.key);
    for (let conflicts = 0; ; conflicts += 1) {
      const [record, marker] = await ledger.read([key, displacedKey(id)]);
      if (marker) return { kind: "drop" };
      const { result, changes } = judged(lease, key, unique, foundKey(record ?? null));
      if (changes.length === 0) return result;
      const commit = await ledger.commit(changes);
      if (!commit.ok) {
        await afterConflict(key, conflicts);
        continue;
      }
      const keeps = result.kind === "run" && unique.until === "end";
      return keeps ? { kind: "run", kept: { key, version: commit.versions[0] as number } } : result;
    }
  }

  return {
    async deliver(lease, unique) {
      try {
        return await deliver(lease, unique);
      } catch (thrown) {
        // A damaged record: no later delivery could be judged either.
        if (isWaybillError(thrown, "DEAD_LETTERED")) return { kind: "refused", error: thrown };
        throw thrown;
      }
    },
    async waits(id, { key, version }, delayMs) {
      const commit = await ledger.commit([write(key, version, { id, state: "started" }, idleMs + delayMs)]);
      return { key, version: commit.ok ? (commit.versions[0] as number) : version };
    },
    async ending(id, { key, version }) {
      const ending: KeyRecord = { id, state: "ending" };
      const commit = await ledger.commit([write(key, version, ending, ENDING_MS)]);
      if (commit.ok) return { key, version: commit.versions[0] as number };
      // It may have been made by an earlier call that seemed to fail. Otherwise this delivery has no key to free any more.
      const [record = null] = await ledger.read([key]);
      const isMarked = record?.value === JSON.stringify(ending);
      return { key, version: isMarked ? record.version : version };
    },
    async free({ key, version }) {
      await ledger.commit([{ key, ifVersion: version, value: null }]);
    },
  };
}
