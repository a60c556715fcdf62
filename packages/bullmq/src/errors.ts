import { errorMessage, isWaybillError, toError, WaybillError } from "@waybill/core";
import {
  closedAtOpening,
  errorCode,
  isInstance,
  leaseLost,
  notStored,
  tlsFault,
  type TlsRemedies,
} from "@waybill/core/backend";
import { ERROR_REPLIES, replyKind } from "./error-replies.ts";

/** BullMQ's codes for a lock that is gone or another process's, and for a job that is not among the active ones. */
const LOST: ReadonlySet<unknown> = new Set([-1, -2, -3, -6]);

/** Returns the error of a settle that failed. `thrown` is BullMQ's code, or an error that has one. */
export function settleError(thrown: unknown, id: string, address: string): WaybillError {
  if (LOST.has(thrown)) return leaseLost(id);
  const error = toError(thrown);
  return "code" in error && LOST.has(error.code) ? leaseLost(id) : redisError(error, address);
}

/**
 * Returns the error of a command that failed: by the first word of Redis's reply, or BACKEND_UNAVAILABLE where the connection
 * failed. `opening`: whether the backend is being opened, so that the error may suggest another scheme.
 */
export function redisError(thrown: unknown, address: string, opening = false): WaybillError {
  const error = toError(thrown);
  if (isWaybillError(error)) return error;
  const command = commandOf(error);
  // ioredis attaches the command: with the password of a refused login, and the payload of a refused job.
  Reflect.deleteProperty(error, "command");
  const options = { cause: error };
  const kind = replyKind(error.message);
  const known = kind === null ? undefined : ERROR_REPLIES[kind];
  if (known !== undefined) {
    const text = placeOf(command, kind ?? "") ?? forbiddenCommand(error) ?? known.text;
    const refusal = new WaybillError(known.code, `${address}: ${text}`, options);
    // The key of the wrong type may be the last that a script writes.
    return kind === "WRONGTYPE" ? refusal : notStored(refusal);
  }
  const fault = tlsFault(error, TLS);
  if (fault !== null) return notStored(new WaybillError("CONFIG_INVALID", `${address}: ${fault}`, options));
  const away = new WaybillError(
    "BACKEND_UNAVAILABLE",
    `${address} cannot be reached: ${reasonOf(error)}${opening ? otherScheme(error, address) : ""}`,
    options,
  );
  return wasNotSent(error) ? notStored(away) : away;
}

const TLS: TlsRemedies = {
  authority: "?ssl_ca_certs=/path/to/ca.pem",
  unverified: "encrypt without verifying it, as Heroku needs it: ?ssl_cert_reqs=none",
  otherName: "accept any: ?ssl_check_hostname=false",
  client: "?ssl_certfile=/path/to/client.pem&ssl_keyfile=/path/to/client.key",
  encrypted: 'begin the URL with "rediss://"',
  plain: 'begin the URL with "redis://"',
};

/** A server for TLS alone closes the connection of another client, and one without TLS waits for more. */
function otherScheme(error: Error, address: string): string {
  const usesTls = address.startsWith("rediss:");
  if (errorCode(error) !== "ETIMEDOUT" || !usesTls) return closedAtOpening(error, usesTls, TLS);
  return '; if it speaks no TLS on this port, begin the URL with "redis://"';
}

/** Says what to do where Redis names the command that a user's ACL forbids; null otherwise. */
function forbiddenCommand({ message }: Error): string | null {
  const said = /NOPERM (?:User (?<user>\S+)|this user) has no permissions to run the '(?<command>[^']+)' command/.exec(
    message,
  );
  if (said === null) return null;
  const { user = "<user>", command = "" } = said.groups ?? {};
  const purpose = command === "info" ? ", by which waybill sees whether the server keeps jobs" : "";
  return `the Redis user may not run ${command.toUpperCase()} (NOPERM)${purpose}; allow it: ACL SETUSER ${user} +${command}`;
}

const wasNotSent = ({ message }: Error): boolean => message.includes("enableOfflineQueue");

/** Whether Redis answered, and refused. When it does not answer, the `lease` calls reject. */
export function isRefusal(thrown: unknown): boolean {
  return isWaybillError(thrown, "BACKEND_FULL") || (isInstance(thrown, Error) && thrown.name === "ReplyError");
}

/** Whether one key is at fault, and not Redis: its value has another type, or this user may not use it. */
export function isOfOneKey(thrown: unknown): boolean {
  return /\b(WRONGTYPE|NOPERM)\b/.test(errorMessage(thrown));
}

interface Command {
  readonly name: string;
  /** Its first key. The other arguments are not shown: they may be a payload or a password. */
  readonly key: string;
}

/** The command that failed, where ioredis attached it and it has a key. */
function commandOf(error: Error): Command | null {
  if (!("command" in error) || typeof error.command !== "object" || error.command === null) return null;
  const { name, args } = error.command as { readonly name?: unknown; readonly args?: unknown };
  if (typeof name !== "string" || !Array.isArray(args)) return null;
  const key: unknown = args.flat()[name.startsWith("eval") ? 2 : 0];
  return typeof key === "string" && key !== "" ? { name: name.toLowerCase(), key: key.slice(0, 256) } : null;
}

/** Names the key at fault and what to do about it; null where that is not known. */
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
  if (error.message.includes("max retries per request")) return "the connection broke before the reply came";
  return error.message === "" ? errorCode(error) : errorMessage(error);
}
