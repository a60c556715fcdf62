import { isWaybillError, toError, WaybillError } from "@waybill/core";
import { configInvalid, maskUrl, tlsFault, type TlsRemedies } from "@waybill/core/backend";

/** Returns the five characters of SQLSTATE, or Node's code of a socket error; "" for none. */
export function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

const SUCCEEDS_AGAIN = "nothing of this was stored, and the next try may succeed";

const TLS: TlsRemedies = {
  authority: "sslrootcert=/path/to/ca.pem",
  unverified: "encrypt without verifying it: sslmode=no-verify",
  otherName: "accept any host of that authority: sslmode=verify-ca with sslrootcert=",
  client: "sslcert=/path/to/client.pem and sslkey=/path/to/client.key",
  encrypted: "write sslmode=verify-full",
  plain: "write sslmode=disable",
};

/** Conditions that no second try ends, by SQLSTATE or a name of ours, with what to do. */
const LASTING: Readonly<Record<string, string>> = {
  NO_TLS: "the server speaks no TLS, which the URL asks for; write sslmode=disable",
  TLS_ONLY:
    "the server refuses this user without TLS; add sslmode=require, or sslmode=no-verify if its certificate is its own",
  CLIENT_CERTIFICATE: `the server asks for a client certificate of this user; name one and its key: ${TLS.client}`,
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

/** Conditions that end by themselves, by SQLSTATE or a name of ours, with what to do if they come back. */
const PASSING: Readonly<Record<string, string>> = {
  NO_CONNECTION_LEFT:
    "the server has no connection left; raise max_connections, or give each process fewer: ?connections=2",
  "40001": `other transactions kept getting in the way; ${SUCCEEDS_AGAIN}`,
  "40P01": `it kept meeting deadlocks with other transactions; ${SUCCEEDS_AGAIN}`,
  "53200": `the server is out of memory; ${SUCCEEDS_AGAIN} once there is some`,
  "55P03": `a lock was not free within lock_timeout; ${SUCCEEDS_AGAIN}. If it comes back, find its owner in pg_locks, or raise lock_timeout for this user`,
  "57014": `the statement was cancelled, by statement_timeout or by a person; ${SUCCEEDS_AGAIN}. If it comes back, raise statement_timeout for this user`,
  "57P01":
    "the server is shutting down, or an operator ended this connection; calls succeed again once the server is back",
  "57P02": "the server is recovering from a crash; calls succeed again once that is done",
  "57P03": "the server is starting, shutting down or recovering; calls succeed again once that is done",
  "57P05": "the connection was idle for longer than idle_session_timeout allows; the next call opens another",
};

/** The key of an error in the tables above. */
function conditionOf(error: Error): string {
  const { message } = error;
  const code = codeOf(error);
  if (message === "The server does not support SSL connections") return "NO_TLS";
  if (code === "28000" && message.endsWith("no encryption")) return "TLS_ONLY";
  if (code === "28000" && /client certificate|certificate authentication failed/.test(message)) {
    return "CLIENT_CERTIFICATE";
  }
  if (code === "0A000" && message.includes("during recovery")) return "25006";
  if (code === "53300" || /too many (clients|connections)/i.test(message)) return "NO_CONNECTION_LEFT";
  return code;
}

/**
 * Returns what a thrown error means. A lasting condition is `CONFIG_INVALID` while the backend is opened, and
 * `BACKEND_UNAVAILABLE` afterwards, because the backend has worked and may work again.
 */
export function databaseError(thrown: unknown, address: string, during: "open" | "use"): WaybillError {
  if (isWaybillError(thrown)) return thrown;
  const error = toError(thrown);
  const { message } = error;
  const failure = (
    kind: "BACKEND_UNAVAILABLE" | "BACKEND_FULL" | "CONFIG_INVALID" | "CAPABILITY_MISSING",
    text: string,
  ) => new WaybillError(kind, `${address}: ${text}`, { cause: error });
  const open = during === "open" ? "CONFIG_INVALID" : "BACKEND_UNAVAILABLE";
  const fault = tlsFault(error, TLS);
  if (fault !== null) return failure(open, fault);
  const condition = conditionOf(error);
  const lasting = LASTING[condition];
  if (lasting !== undefined) {
    return failure(open, `${lasting} (${message})`);
  }
  if (condition === "53100") {
    const text =
      "the server's disk is full and nothing of this write was stored; free some space, and writes succeed again";
    return failure("BACKEND_FULL", text);
  }
  if (condition === "22021" || condition === "22P05") {
    return failure("CAPABILITY_MISSING", `text with the character U+0000 cannot be stored (${message})`);
  }
  const passing = PASSING[condition];
  if (passing !== undefined) return failure("BACKEND_UNAVAILABLE", `${passing} (${message})`);
  return failure("BACKEND_UNAVAILABLE", message === "" ? `the connection failed (${condition})` : message);
}

/**
 * Whether an error proves that its one statement stored nothing: the server refused it, or was never reached. False where
 * that is unknown: the connection broke, or an operator ended it.
 */
export function wasRefused({ cause }: WaybillError): boolean {
  if (!(cause instanceof Error)) return false;
  const code = codeOf(cause);
  // A SQLSTATE has five characters with a digit, unlike Node's "EPIPE".
  if (/^(?=.*\d)[0-9A-Z]{5}$/.test(code)) return !/^(08|57P0[12]|40003)/.test(code);
  return NEVER_REACHED.has(code) || cause.message === "timeout exceeded when trying to connect";
}

const NEVER_REACHED: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH"]);

/** Serialization failure or deadlock. The last is Prisma's code for both. */
const CONFLICTS: ReadonlySet<string> = new Set(["40001", "40P01", "P2034"]);
/** SQLSTATEs of a missing schema, table and function. */
const ABSENT: ReadonlySet<string> = new Set(["3F000", "42P01", "42883"]);

/** States of a transaction in which no statement can run, with what to do. */
const NOT_USABLE: Readonly<Record<string, string>> = {
  "25P01":
    'the handle handed in is in no transaction, so nothing was done; run BEGIN on that client first (of "pg": from await pool.connect()), or hand in the transaction of your library, not its database object',
  "25P02": "your transaction has failed by an earlier statement of it; roll it back, and begin another",
};

/** Returns what an error means that was thrown in a transaction of the caller. A library may have wrapped the driver's error. */
export function transactionError(thrown: unknown, address: string): WaybillError {
  const error = toError(thrown);
  const codes = [error, error.cause, "meta" in error ? error.meta : null].map((one) =>
    typeof one === "object" && one !== null && "code" in one ? String(one.code) : "",
  );
  const [wrong] = codes.flatMap((code) => NOT_USABLE[code] ?? []);
  if (wrong !== undefined) return configInvalid(`${address}: ${wrong}`, thrown);
  if (codes.some((code) => ABSENT.has(code))) {
    const text = `the jobs are in ${address}, and your transaction is on a database without waybill's tables (${error.message}); begin it on a client of the same database and server`;
    return configInvalid(text, thrown);
  }
  const conflict = codes.find((code) => CONFLICTS.has(code));
  if (conflict === undefined) return databaseError(thrown, address, "use");
  const text = `${address}: your transaction met another one (${conflict}), and only you can run it again: roll back and repeat all of it, as after any serialization failure`;
  return new WaybillError("BACKEND_UNAVAILABLE", text, { cause: thrown });
}

/** Returns host, port, database and schema for logs and errors: no user, no password, no other parameters. */
export function addressOf(url: string, schema: string): string {
  const { hostname, port, pathname, searchParams } = new URL(url);
  const host = searchParams.get("host") ?? hostname;
  return maskUrl(`postgres://${host}${port === "" ? "" : `:${port}`}${pathname}?schema=${schema}`);
}
