import { errorMessage, isWaybillError, toError, WaybillError } from "@waybill/core";
import { errorCode, isInstance, notStored } from "@waybill/core/backend";
import { replyKind, REPLIES } from "./replies.ts";

/** BullMQ's codes for a lock that is gone, that is another's, or a job that is not where a held one is. */
const NOT_OURS: ReadonlySet<unknown> = new Set([-1, -2, -3, -6]);

export const leaseLost = (id: string): WaybillError =>
  new WaybillError("LEASE_LOST", `the lease on job "${id}" is no longer ours: it ran out or was settled`);

export const idConflict = (id: string): WaybillError =>
  new WaybillError("ID_CONFLICT", `job "${id}" is already there with another body; give the new job an id of its own`);

export const closed = (address: string): WaybillError =>
  new WaybillError("BACKEND_CLOSED", `${address} was closed; connect again to use it`);

/** What a failed settle of one lease means: BullMQ answers a code, or throws an error that has one. */
export function settleError(thrown: unknown, id: string, address: string): WaybillError {
  if (NOT_OURS.has(thrown)) return leaseLost(id);
  const error = toError(thrown);
  return "code" in error && NOT_OURS.has(error.code) ? leaseLost(id) : redisError(error, address);
}

/** What Redis, or the way to it, says: the first word of a reply is its kind. */
export function redisError(thrown: unknown, address: string): WaybillError {
  const error = toError(thrown);
  if (isWaybillError(error)) return error;
  const command = commandOf(error);
  // ioredis hangs the command on it: the password of a refused login, and the payload of a refused job.
  Reflect.deleteProperty(error, "command");
  const options = { cause: error };
  const kind = replyKind(error.message);
  const known = kind === null ? undefined : REPLIES[kind];
  if (known !== undefined) {
    const text = placeOf(command, kind ?? "") ?? known.text;
    const refusal = new WaybillError(known.code, `${address}: ${text}`, options);
    // Of the wrong type may be the last of the keys that a script writes.
    return kind === "WRONGTYPE" ? refusal : notStored(refusal);
  }
  const away = new WaybillError("BACKEND_UNAVAILABLE", `${address} cannot be reached: ${reasonOf(error)}`, options);
  return wasNotSent(error) ? notStored(away) : away;
}

const wasNotSent = ({ message }: Error): boolean => message.includes("enableOfflineQueue");

/** Whether Redis answered, and refused. Whoever leases is told when it does not answer. */
export function isRefusal(thrown: unknown): boolean {
  return isWaybillError(thrown, "BACKEND_FULL") || (isInstance(thrown, Error) && thrown.name === "ReplyError");
}

/** Whether one key is at fault, and not Redis: it holds something else, or this user may not use it. */
export function isOfOneKey(thrown: unknown): boolean {
  return /\b(WRONGTYPE|NOPERM)\b/.test(errorMessage(thrown));
}

interface Command {
  readonly name: string;
  /** Its first key. Nothing else of it is shown: the rest may be a payload or a password. */
  readonly key: string;
}

/** The command that failed, where ioredis tells it and it has a key. */
function commandOf(error: Error): Command | null {
  if (!("command" in error) || typeof error.command !== "object" || error.command === null) return null;
  const { name, args } = error.command as { readonly name?: unknown; readonly args?: unknown };
  if (typeof name !== "string" || !Array.isArray(args)) return null;
  const key: unknown = args.flat()[name.startsWith("eval") ? 2 : 0];
  return typeof key === "string" && key !== "" ? { name: name.toLowerCase(), key: key.slice(0, 256) } : null;
}

/** Names the key at fault and what to do about it. Null where that is not known. */
function placeOf(command: Command | null, kind: string): string | null {
  if (command === null) return null;
  const { name, key } = command;
  const isScript = name.startsWith("eval");
  const by = isScript ? "a script of BullMQ's" : name.toUpperCase();
  const keys = isScript ? `one of BullMQ's keys "${key}…"` : `the key "${key}"`;
  if (kind === "WRONGTYPE") {
    return `${keys} holds something that is neither BullMQ's nor ours (${by} failed: WRONGTYPE); rename or delete it, or choose another ?prefix=`;
  }
  if (kind !== "NOPERM") return null;
  return `the Redis user may not use ${by} on ${keys} (NOPERM); grant it all commands on the prefix: ACL SETUSER <user> ~${prefixOf(key)}* +@all`;
}

const prefixOf = (key: string): string => /^[^:]*:/.exec(key)?.[0] ?? "";

function reasonOf(error: Error): string {
  if (wasNotSent(error)) return "the connection is down; it reconnects by itself";
  if (error.message.includes("max retries per request")) return "the connection broke before the answer came";
  return error.message === "" ? errorCode(error) : errorMessage(error);
}
