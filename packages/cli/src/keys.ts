import { readFileSync } from "node:fs";
import { Option } from "commander";
import { keyRing, type KeyRing, toError } from "@waybill/core";
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
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw new UsageError(`the keys cannot be read: ${toError(thrown).message}`, { cause: thrown });
  }
}
