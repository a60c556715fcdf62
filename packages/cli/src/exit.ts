import { CommanderError } from "commander";
import { isWaybillError } from "@waybill/core";
import { isInstance } from "@waybill/core/endpoint";

/** Exit codes of the command. */
export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;
/** 0: done. 1: the command failed. 2: the command line is wrong and nothing was attempted. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The command line is wrong; the message says what to write instead. */
export class UsageError extends Error {
  readonly code = "USAGE";
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "UsageError";
  }
}

/** The command line is correct and the command failed. */
export class CommandError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "CommandError";
    this.code = code;
  }
}

/** Returns 2 for usage errors, which include a URL or an option that core refuses with `CONFIG_INVALID`; else 1. */
export function exitCodeOf(error: unknown): ExitCode {
  if (isInstance(error, UsageError) || isInstance(error, CommanderError)) return exitCodes.usage;
  return isWaybillError(error, "CONFIG_INVALID") ? exitCodes.usage : exitCodes.failed;
}

/** Returns whether commander threw to end after `--help` or `--version`, which is no error. */
export function isEndOfHelp(error: unknown): error is CommanderError {
  return isInstance(error, CommanderError) && error.exitCode === 0;
}
