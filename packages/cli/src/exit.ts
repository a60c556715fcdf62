import { CommanderError } from "commander";
import { isWaybillError } from "@waybill/core";
import { isInstance } from "@waybill/core/door";

/** What the shell sees. */
export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;
/** 0: done. 1: it could not be done. 2: the command line is wrong, and nothing was tried. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The command line is wrong; the message says what to write instead. */
export class UsageError extends Error {
  readonly code = "USAGE";
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "UsageError";
  }
}

/** The command line is right, and still it cannot be done. */
export class CommandError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "CommandError";
    this.code = code;
  }
}

/** A URL or an option that core refuses is usage too: nothing was tried yet. */
export function exitCodeOf(error: unknown): ExitCode {
  if (isInstance(error, UsageError) || isInstance(error, CommanderError)) return exitCodes.usage;
  return isWaybillError(error, "CONFIG_INVALID") ? exitCodes.usage : exitCodes.failed;
}

/** Help and version end by a throw inside commander; they are no errors. */
export function isEndOfHelp(error: unknown): error is CommanderError {
  return isInstance(error, CommanderError) && error.exitCode === 0;
}
