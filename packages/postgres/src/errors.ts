import { isWaybillError, toError, WaybillError } from "@waybill/core";
import { maskUrl } from "@waybill/core/backend";

/** The five characters of SQLSTATE, or Node's code of a socket error. */
export function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

/**
 * What a thrown error means. While the backend is opened, what can never work is CONFIG_INVALID; once it has worked,
 * the same finding is BACKEND_UNAVAILABLE, because it may work again.
 */
export function databaseError(thrown: unknown, address: string, during: "open" | "use"): WaybillError {
  if (isWaybillError(thrown)) return thrown;
  const error = toError(thrown);
  const code = codeOf(error);
  const say = (kind: "BACKEND_UNAVAILABLE" | "BACKEND_FULL" | "CONFIG_INVALID" | "CAPABILITY_MISSING", text: string) =>
    new WaybillError(kind, `${address}: ${text}`, { cause: error });
  const lasting = during === "open" ? "CONFIG_INVALID" : "BACKEND_UNAVAILABLE";
  const found = LASTING[code === "0A000" && /during recovery/.test(error.message) ? "25006" : code];
  if (found !== undefined) return say(lasting, `${found} (${error.message})`);
  if (code === "53100")
    return say(
      "BACKEND_FULL",
      "the server's disk is full and nothing of this write was stored; free some, and it goes on by itself",
    );
  if (code === "53300" || /too many (clients|connections)/i.test(error.message)) {
    return say(
      "BACKEND_UNAVAILABLE",
      `the server has no connection left (${error.message}); raise max_connections, or give each process fewer: ?connections=2`,
    );
  }
  const passing = PASSING[code];
  if (passing !== undefined) return say("BACKEND_UNAVAILABLE", `${passing} (${error.message})`);
  if (code === "22021" || code === "22P05") {
    return say("CAPABILITY_MISSING", `text with the character U+0000 cannot be stored (${error.message})`);
  }
  return say("BACKEND_UNAVAILABLE", error.message === "" ? `the connection failed (${code})` : error.message);
}

/**
 * Whether an error says that its one statement was not carried out: the server refused it, which takes it back whole, or
 * was never reached. False where that is unknown: the connection broke, or was closed by an operator.
 */
export function wasRefused({ cause }: WaybillError): boolean {
  if (!(cause instanceof Error)) return false;
  const code = codeOf(cause);
  // Five characters with a digit: "EPIPE" is none of the server's.
  if (/^(?=.*\d)[0-9A-Z]{5}$/.test(code)) return !/^(08|57P0[12]|40003)/.test(code);
  return NEVER_REACHED.has(code) || cause.message === "timeout exceeded when trying to connect";
}

const NEVER_REACHED: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH"]);

/** Findings that no second try cures. */
const LASTING: Readonly<Record<string, string>> = {
  "28P01": "the password was refused; correct it in the URL",
  "28000": "the server refuses this user from here; check the user and the server's pg_hba.conf",
  "3D000": "the database does not exist; create it, or correct the name in the URL",
  "42501":
    "this user may not do that; grant it usage of the schema and all on its tables, sequences and functions, or use the owner's URL",
  "42P01": "waybill's tables are not all there; run migrate again, or name the right schema in the URL",
  "42883": "waybill's functions are not all there; run migrate again, or name the right schema in the URL",
  "3F000": "waybill's schema is not there; run migrate, or name the right schema in the URL",
  "25006":
    "the server is read-only, as a standby or a former primary is; each new connection looks the address up again, so make it lead to the primary",
};

const GOES_ON = "nothing of this was stored, and it goes on by itself";

/** Findings that pass, and what to do if they come back. */
const PASSING: Readonly<Record<string, string>> = {
  "40001": `other transactions kept getting in the way; ${GOES_ON}`,
  "40P01": `it kept meeting deadlocks with other transactions; ${GOES_ON}`,
  "53200": `the server is out of memory; ${GOES_ON} once there is some`,
  "55P03": `a lock was not free within lock_timeout; ${GOES_ON}. If it comes back, find who holds it in pg_locks, or raise lock_timeout for this user`,
  "57014": `the statement was cancelled, by statement_timeout or by a person; ${GOES_ON}. If it comes back, raise statement_timeout for this user`,
  "57P01": "the server is shutting down or was told to end this connection; it goes on once the server is back",
  "57P02": "the server is recovering from a crash; it goes on once that is done",
  "57P03": "the server is starting, shutting down or recovering; it goes on once that is done",
  "57P05": "the connection was idle for longer than idle_session_timeout allows; the next one is new",
};

/** Serialization failure or deadlock; the last is Prisma's word for both. */
const isConflict = (code: string): boolean => code === "40001" || code === "40P01" || code === "P2034";

/** What a thrown error means for a transaction that the caller began, with a library that may wrap the driver's error. */
export function transactionError(thrown: unknown, address: string): WaybillError {
  const error = toError(thrown);
  const code = [error, error.cause].map((one) => (one instanceof Error ? codeOf(one) : "")).find(isConflict);
  if (code === undefined) return databaseError(thrown, address, "use");
  return new WaybillError(
    "BACKEND_UNAVAILABLE",
    `${address}: your transaction met another one (${code}), and only you can run it again: roll back and repeat all of it, as after any serialization failure`,
    { cause: thrown },
  );
}

export const leaseLost = (id: string): WaybillError =>
  new WaybillError("LEASE_LOST", `the lease on job "${id}" is no longer ours: it ran out or was settled`);

export const idConflict = (id: string): WaybillError =>
  new WaybillError("ID_CONFLICT", `job "${id}" is already there with another body; give the new job an id of its own`);

export const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);

/** Where it is, for logs and errors: without user, password and parameters. */
export function addressOf(url: string, schema: string): string {
  const { hostname, port, pathname, searchParams } = new URL(url);
  const host = searchParams.get("host") ?? hostname;
  return maskUrl(`postgres://${host}${port === "" ? "" : `:${port}`}${pathname}?schema=${schema}`);
}
