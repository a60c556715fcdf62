import type { Message, UniqueKey } from "../../backend/contract.ts";
import type { Ledger, LedgerChange } from "../../backend/ledger.ts";
import { monotonicMs, wallMs } from "../../time/clock.ts";
import { afterConflict } from "../after-conflict.ts";
import { ledgerKey } from "../ledger-key.ts";
import { damagedRecord, parsedValue } from "../record-value.ts";
import { RESERVED_MS, type Displaced, foundKey, type KeyRecord, REPLACED_MS, lastsMs } from "./key-record.ts";

/** A message that has a unique key. */
export type KeyedMessage = Pick<Message, "id" | "type" | "delayMs"> & { readonly unique: UniqueKey };

/** A key that an enqueue has reserved. */
export interface Reservation {
  readonly version: number;
  readonly reservedAt: number;
  /** The waiting job that is to be replaced; null for none. */
  readonly old: string | null;
  /** When the key of that job ends by itself, in Unix milliseconds; undefined where none is replaced. */
  readonly oldEndsAt: number | undefined;
  /** The job whose reservation it overtook: its enqueue is refused. Null for none. */
  readonly overtaken: string | null;
}

export type Reserved =
  | { readonly kind: "reserved"; readonly reservation: Reservation }
  /** The same id is stored with this key. */
  | { readonly kind: "own" }
  | { readonly kind: "taken"; readonly by: string };

/** Keeps unique keys in a ledger, for the enqueue of jobs. Each call rejects where the ledger cannot be reached. */
export interface LedgerKeys {
  /** Takes the key of a job that is about to be stored, for 30 s. */
  reserve(message: KeyedMessage): Promise<Reserved>;
  /** The job is stored. Returns the id of the job that has taken the key meanwhile, so that this one never runs; null for none. */
  confirm(message: KeyedMessage, reservation: Reservation): Promise<string | null>;
  /** The job is not stored and never will be. */
  undo(message: KeyedMessage, reservation: Reservation): Promise<void>;
}

export const recordKey = (type: string, key: string): string => ledgerKey("unique", "key", type, key);
export const displacedKey = (id: string): string => ledgerKey("unique", "displaced", id);

export function displaced(id: string, to: Displaced): LedgerChange {
  return { key: displacedKey(id), ifVersion: "any", value: JSON.stringify(to), expiresInMs: REPLACED_MS };
}

/** `idleMs` is how long a job may wait without a sign of life. */
export function createLedgerKeys(ledger: Ledger, idleMs: number): LedgerKeys {
  const write = (
    { type, unique }: KeyedMessage,
    ifVersion: LedgerChange["ifVersion"],
    record: KeyRecord,
    times: Pick<LedgerChange, "expiresInMs" | "dueInMs">,
  ): LedgerChange => ({
    key: recordKey(type, unique.key),
    ifVersion,
    value: JSON.stringify(record),
    ...times,
  });

  async function reserve(message: KeyedMessage): Promise<Reserved> {
    const { id, type, unique } = message;
    const key = recordKey(type, unique.key);
    const reservedAt = monotonicMs();
    // An earlier job of this id may have been replaced.
    const unmarked: LedgerChange = { key: displacedKey(id), ifVersion: "any", value: null };
    for (let conflicts = 0; ; conflicts += 1) {
      if (conflicts > 0) await afterConflict(key, conflicts - 1);
      const expiresInMs = typeof unique.until === "number" ? Math.min(RESERVED_MS, unique.until) : RESERVED_MS;
      const fresh = await ledger.commit([
        write(message, "absent", { id, state: "reserved" }, { expiresInMs }),
        unmarked,
      ]);
      if (fresh.ok)
        return {
          kind: "reserved",
          reservation: {
            version: fresh.versions[0] as number,
            reservedAt,
            old: null,
            oldEndsAt: undefined,
            overtaken: null,
          },
        };
      const found = foundKey((await ledger.read([key]))[0] ?? null);
      if (found === null) continue;
      if (found.id === id && found.state !== "reserved") return { kind: "own" };
      const isFree = found.state === "stored" || found.state === "reserved";
      if (found.id !== id && !(unique.onConflict === "replace" && isFree)) return { kind: "taken", by: found.id };
      // A job that waits is replaced once this one is stored; one that may not be stored yet is refused now.
      const overtaken = found.state === "reserved" && found.id !== id ? found.id : null;
      const old = found.state === "reserved" ? (found.old ?? null) : found.id;
      const oldEndsAt = found.state === "reserved" ? found.oldEndsAt : found.endsAt;
      const oldLastsMs = oldEndsAt === undefined ? idleMs : oldEndsAt - wallMs();
      const taken = await ledger.commit([
        write(
          message,
          found.version,
          {
            id,
            state: "reserved",
            ...(old !== null && { old }),
            ...(oldEndsAt !== undefined && { oldEndsAt }),
          },
          { dueInMs: RESERVED_MS, expiresInMs: old === null ? expiresInMs : Math.max(oldLastsMs, RESERVED_MS) },
        ),
        unmarked,
        ...(overtaken === null ? [] : [displaced(overtaken, { by: id, refused: true })]),
      ]);
      if (!taken.ok) continue;
      const [version] = taken.versions as [number];
      return { kind: "reserved", reservation: { version, reservedAt, old, oldEndsAt, overtaken } };
    }
  }

  async function confirm(message: KeyedMessage, { version, reservedAt, old }: Reservation): Promise<string | null> {
    const { id, type, unique, delayMs } = message;
    const expiresInMs = lastsMs(unique.until, idleMs + delayMs);
    const endsAt = wallMs() + expiresInMs;
    let [ifVersion, replaced] = [version, old];
    for (let conflicts = 0; ; conflicts += 1) {
      if (conflicts > 0) await afterConflict(recordKey(type, unique.key), conflicts - 1);
      const stored = write(message, ifVersion, { id, state: "stored", endsAt }, { expiresInMs });
      const markers = replaced === null ? [] : [displaced(replaced, { by: id, refused: false })];
      if ((await ledger.commit([stored, ...markers])).ok) return null;
      const [record, marker] = await ledger.read([recordKey(type, unique.key), displacedKey(id)]);
      if (marker) {
        const { by, refused } = parsedValue(marker);
        if (typeof by !== "string") throw damagedRecord(marker);
        return refused === true ? by : null;
      }
      const found = foundKey(record ?? null);
      if (found?.id === id && found.state === "reserved") [ifVersion, replaced] = [found.version, found.old ?? null];
      // A worker has it already, or it has ended. A reservation that has not lapsed was not lost.
      else if (found === null || found.id === id) return null;
      else if (monotonicMs() - reservedAt < RESERVED_MS) return null;
      else {
        await ledger.commit([displaced(id, { by: found.id, refused: true })]);
        return found.id;
      }
    }
  }

  return {
    reserve,
    confirm,
    async undo(message, { version, old, oldEndsAt }) {
      const key = recordKey(message.type, message.unique.key);
      const change: LedgerChange =
        old === null
          ? { key, ifVersion: version, value: null }
          : write(
              message,
              version,
              { id: old, state: "stored", ...(oldEndsAt !== undefined && { endsAt: oldEndsAt }) },
              { expiresInMs: oldEndsAt === undefined ? idleMs : Math.max(1, oldEndsAt - wallMs()) },
            );
      await ledger.commit([change]);
    },
  };
}
