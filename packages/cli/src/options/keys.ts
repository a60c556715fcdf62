import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { Option } from "commander";
import { keyRing, type KeyRing, toError } from "@waybill/core";
import { isInstance, warn } from "@waybill/core/endpoint";
import { UsageError } from "../exit.ts";

/** Secrets come from the environment or from a file, never from the command line, which `ps` shows to every user. */
export interface KeyFlags {
  readonly keysFile?: string;
}

const VARIABLE = "WAYBILL_KEYS";

export function keysOption(): Option {
  return new Option("--keys-file <file>", `file that holds the keys (default: those in ${VARIABLE})`).env(
    "WAYBILL_KEYS_FILE",
  );
}

/**
 * Reads the keys from the environment or from `--keys-file`. Returns null if neither is set. Throws `UsageError` if both are
 * set or the file cannot be read, and `CONFIG_INVALID` for a text that is no secret. No error contains a secret.
 */
export function readKeys({ keysFile }: KeyFlags): KeyRing | null {
  const inEnvironment = (process.env[VARIABLE] ?? "").trim();
  if (keysFile === undefined) return inEnvironment === "" ? null : keyRing(inEnvironment);
  if (inEnvironment !== "") throw new UsageError(`both --keys-file and ${VARIABLE} are given; keep one of them`);
  return keyRing(textOf(keysFile));
}

/** Returns the secrets; the first signs. Empty if none are set. Throws as `readKeys` does. */
export function readSecrets(flags: KeyFlags): string[] {
  if (readKeys(flags) === null) return [];
  const text = flags.keysFile === undefined ? (process.env[VARIABLE] ?? "") : textOf(flags.keysFile);
  return text.split(/[\s,]+/).filter((one) => one !== "");
}

function textOf(file: string): string {
  let opened: number | null = null;
  try {
    opened = openSync(file, "r");
    const stats = fstatSync(opened);
    if (stats.isFile()) checkMode(file, stats.mode & 0o777);
    return readFileSync(opened, "utf8");
  } catch (thrown) {
    if (isInstance(thrown, UsageError)) throw thrown;
    throw new UsageError(`the keys cannot be read: ${toError(thrown).message}`, { cause: thrown });
  } finally {
    if (opened !== null) closeSync(opened);
  }
}

/**
 * Checks the mode of the keys file. Throws `UsageError` if the group or others may write it: they could choose which keys
 * are trusted. Warns if others may read it: they could sign jobs. That is no error, since Kubernetes mounts secrets with
 * mode 0644 by default. A group may read it (0640). A link counts as its target; a pipe has no mode.
 */
function checkMode(file: string, mode: number): void {
  const shown = mode.toString(8).padStart(4, "0");
  if ((mode & 0o022) !== 0) {
    throw new UsageError(
      `"${file}" has the mode ${shown}: others than its owner may write it, and so choose which keys are trusted; ` +
        `run chmod 600 "${file}", or give the keys in ${VARIABLE} where the file system has no modes`,
    );
  }
  if ((mode & 0o004) === 0 || warnedOf.has(file)) return;
  warnedOf.add(file);
  warn(`"${file}" has the mode ${shown}: every user of this machine can read the keys; run chmod 600 "${file}"`);
}

const warnedOf = new Set<string>();
