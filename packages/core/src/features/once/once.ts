import { randomUUID } from "node:crypto";
import type { Ledger } from "../../backend/ledger.ts";
import { isWaybillError, WaybillError } from "../../errors.ts";
import { RetryLater } from "../../job/handler-errors.ts";
import type { Once, OnceJob, OnceOptions, OnceResult } from "../../job/once-options.ts";
import { assertKnownOptions, describeValue } from "../../known-options.ts";
import { monotonicMs } from "../../time/clock.ts";
import { durationMs } from "../../time/duration.ts";
import { pause } from "../../time/pause.ts";
import { textLength } from "../../values/text-length.ts";
import { afterConflict } from "../after-conflict.ts";
import { ledgerKey } from "../ledger-key.ts";
import { renewReservation } from "../reservation.ts";
import { reservationText, notStoredResult, type OnceRecord, parseOnce, resultText } from "./once-record.ts";

/** The part of a ledger that `once` needs, also within a transaction. */
export type OnceLedger = Pick<Ledger, "read" | "commit">;

export interface OnceStore {
  readonly ledger: OnceLedger | null;
  /** Returns the ledger within the caller's transaction. Throws `CAPABILITY_MISSING` where the backend has none. */
  ledgerIn(transaction: unknown): OnceLedger;
  /** The address of the backend, for errors. */
  readonly address: string;
}

/** A reservation lapses after this long unless it is renewed: its process has died, or cannot reach the ledger. */
const RESERVED_MS = 30_000;
/** A job whose key cannot be looked up waits this long, and up to twice as long. */
const UNREACHABLE_MS = 2_000;
const FIRST_LOOK_MS = 25;
const LONGEST_LOOK_MS = 1_000;

/** Makes the `once` of one worker. */
export function createOnce(store: OnceStore): Once {
  return async (job, key, fn, options) => {
    const { record, keepMs } = judged(job, key, fn, options);
    if (options.in !== undefined) return inTransaction(store.ledgerIn(options.in), { job, key, record, keepMs, fn });
    if (store.ledger !== null) return inLedger(store.ledger, { job, key, record, keepMs, fn });
    throw new WaybillError(
      "CAPABILITY_MISSING",
      `once needs a ledger, which ${store.address} does not have: give the connection one of another backend, as in { ledger: "postgres://…" }`,
    );
  };
}

interface Call<T> {
  readonly job: OnceJob;
  /** As the handler wrote it, for errors. */
  readonly key: string;
  /** The key of the record. */
  readonly record: string;
  readonly keepMs: number;
  readonly fn: () => T | Promise<T>;
}

/**
 * The reservation and the result are rows of the caller's transaction. A second transaction that reserves the same key waits in the
 * store until the first has ended, and then finds its result, or reserves the key itself.
 */
async function inTransaction<T extends OnceResult>(ledger: OnceLedger, call: Call<T>): Promise<T> {
  for (let conflicts = 0; ; conflicts += 1) {
    const reservation = await reserve(ledger, call);
    if (!reservation.isOurs) {
      if (reservation.found === null) {
        await afterConflict(call.record, conflicts);
        continue;
      }
      if (reservation.found.state !== "reserved") return resultOf<T>(call.key, reservation.found);
      // To wait would keep the caller's transaction open, and with it its locks.
      throw new RetryLater("1s", `once("${call.key}") runs elsewhere right now`);
    }
    try {
      const result = await call.fn();
      const { text, why } = resultText(result);
      if (why !== null) throw notStoredResult(call.key, why);
      await ledger.commit([{ key: call.record, ifVersion: "any", value: text, expiresInMs: call.keepMs }]);
      return result;
    } catch (thrown) {
      // The caller rolls back, which removes the reservation as well. One who commits in spite of it may try again.
      await ledger.commit([{ key: call.record, ifVersion: "any", value: null }]).catch(() => undefined);
      throw thrown;
    }
  }
}

/** Reserves the key, runs `fn`, stores the result. A process that dies in between leaves a reservation that lapses: `fn` then runs again. */
async function inLedger<T extends OnceResult>(ledger: OnceLedger, call: Call<T>): Promise<T> {
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(lookMs * 2, LONGEST_LOOK_MS)) {
    const reservation = await reserve(ledger, call).catch((thrown: unknown) => {
      throw isWaybillError(thrown, "BACKEND_UNAVAILABLE") ? unknownYet(call.key, thrown) : thrown;
    });
    if (reservation.isOurs) return runReserved(ledger, call, reservation);
    if (reservation.found !== null && reservation.found.state !== "reserved")
      return resultOf<T>(call.key, reservation.found);
    await waitFor(call.job, lookMs);
  }
}

interface OwnReservation {
  readonly isOurs: true;
  readonly version: number;
  /** The value of the record, which no other reservation has. */
  readonly value: string;
}

type Reservation =
  | OwnReservation
  /** Null: another run had the key, and has it no more. */
  | { readonly isOurs: false; readonly found: OnceRecord | null };

async function reserve(ledger: OnceLedger, { record }: Pick<Call<never>, "record">): Promise<Reservation> {
  const [before = null] = await ledger.read([record]);
  if (before !== null) return { isOurs: false, found: parseOnce(before) };
  const reservation = {
    key: record,
    ifVersion: "absent",
    value: reservationText(randomUUID()),
    expiresInMs: RESERVED_MS,
  } as const;
  const commit = await ledger.commit([reservation]);
  if (commit.ok) return { isOurs: true, version: commit.versions[0] ?? 0, value: reservation.value };
  const [found = null] = await ledger.read([record]);
  return { isOurs: false, found: found === null ? null : parseOnce(found) };
}

async function runReserved<T extends OnceResult>(
  ledger: OnceLedger,
  call: Call<T>,
  { version: first, value }: OwnReservation,
): Promise<T> {
  const { record, keepMs, key } = call;
  const reserved = { key: record, value, version: first, expiresInMs: RESERVED_MS };
  // `fn` cannot be stopped: the end finds that the reservation has lapsed.
  const renewal = renewReservation(ledger, reserved, () => undefined);
  let version: number | null = null;

  /** Returns false when the reservation has lapsed. */
  async function ended(text: string | null): Promise<boolean> {
    version ??= await renewal.end();
    for (;;) {
      const change = { key: record, ifVersion: version, value: text, ...(text !== null && { expiresInMs: keepMs }) };
      if ((await ledger.commit([change])).ok) return true;
      // An earlier call may have been made although it seemed to fail.
      const [found = null] = await ledger.read([record]);
      if (found?.value !== value) return found !== null && found.value === text;
      version = found.version;
    }
  }

  /** The effect has happened: tries again while the ledger is away, until the reservation lapses. */
  async function stored(text: string): Promise<boolean> {
    const since = monotonicMs();
    for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, LONGEST_LOOK_MS)) {
      try {
        return await ended(text);
      } catch (thrown) {
        if (!isWaybillError(thrown, "BACKEND_UNAVAILABLE") || monotonicMs() - since >= RESERVED_MS) throw thrown;
        await pause(waitMs);
      }
    }
  }

  let result: T;
  try {
    result = await call.fn();
  } catch (thrown) {
    // Without it the reservation lapses by itself.
    await ended(null).catch(() => undefined);
    throw thrown;
  }
  const { text, why } = resultText(result);
  const isStored = await stored(text);
  if (why !== null) throw notStoredResult(key, why);
  if (isStored) return result;
  throw new WaybillError(
    "LEASE_LOST",
    `the reservation of once("${key}") lapsed while it ran: another run may have begun`,
  );
}

/** `fn` has not run here: the job is released, and spends no attempt. */
function unknownYet(key: string, { message }: Error): RetryLater {
  const delayMs = Math.round(UNREACHABLE_MS * (1 + Math.random()));
  return new RetryLater(delayMs, `whether once("${key}") has run could not be looked up: ${message}`);
}

async function waitFor({ signal }: OnceJob, ms: number): Promise<void> {
  await pause(ms * (0.75 + Math.random() / 2), signal);
  signal.throwIfAborted();
}

function resultOf<T>(key: string, record: Exclude<OnceRecord, { state: "reserved" }>): T {
  if (record.state === "unstored") throw notStoredResult(key, record.why);
  return record.result as T;
}

/** Throws `CONFIG_INVALID` for arguments that cannot work. */
function judged(job: OnceJob, key: unknown, fn: unknown, options: OnceOptions): { record: string; keepMs: number } {
  assertKnownOptions(options, { in: true, scope: true, keep: true }, "the options of once");
  if ("in" in options && options.in === undefined)
    throw refuse("`in` of once is undefined: pass your transaction, or leave it out");
  if (typeof key !== "string" || key === "" || textLength(key) > 255) {
    throw refuse(`the key of once is ${describeValue(key)}: pass a text of 1 to 255 characters`);
  }
  if (typeof fn !== "function") throw refuse(`once("${key}") got ${describeValue(fn)}: pass the function to run`);
  const { scope = job.id, keep = "7d" } = options;
  if (typeof scope !== "string" || scope === "" || textLength(scope) > 255) {
    throw refuse(`the scope of once("${key}") is ${describeValue(scope)}: pass a text of 1 to 255 characters`);
  }
  const keepMs = durationMs(keep, `keep of once("${key}")`);
  if (keepMs === 0)
    throw refuse(`keep of once("${key}") is 0: give a time longer than a job may be delivered again, such as "7d"`);
  return { record: ledgerKey("once", scope, key), keepMs };
}

const refuse = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
