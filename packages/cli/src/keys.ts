import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { Option } from "commander";
import { keyRing, type KeyRing, toError } from "@waybill/core";
import { isInstance, warn } from "@waybill/core/door";
import { UsageError } from "./exit.ts";

/** Secrets stand in the environment or in a file: what stands on a command line, `ps` shows to everybody. */
export interface KeyFlags {
  readonly keysFile?: string;
}

const VARIABLE = "WAYBILL_KEYS";

export function keysOption(): Option {
  return new Option("--keys-file <file>", `file that holds the keys (default: those in ${VARIABLE})`).env(
    "WAYBILL_KEYS_FILE",
  );
}

/** Null where nobody gave any. Throws for two places, a file that cannot be read, or what are no keys; shows none of them. */
export function readKeys({ keysFile }: KeyFlags): KeyRing | null {
  const inEnvironment = (process.env[VARIABLE] ?? "").trim();
  if (keysFile === undefined) return inEnvironment === "" ? null : keyRing(inEnvironment);
  if (inEnvironment !== "") throw new UsageError(`both --keys-file and ${VARIABLE} are given; keep one of them`);
  return keyRing(textOf(keysFile));
}

/** The secrets themselves, the one that signs first. */
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
 * Whoever may write the file decides whose jobs are trusted: refused, for the group too, as ssh does. Whoever may read it
 * can sign jobs: warned of, and not refused as ssh does, since Kubernetes mounts secrets with the mode 0644 by default. A
 * group that reads is how a file is shared on purpose (0640). Of a link, it is the file behind it that counts; a pipe has
 * no such mode.
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
