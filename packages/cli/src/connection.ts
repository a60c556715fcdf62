import { type Command, Option } from "commander";
import { connect, type ConnectOptions, type Inspector, type Jobs } from "@waybill/core";
import { CommandError } from "./exit.ts";
import { nonEmpty } from "./options/values.ts";

/** The options of every command that connects to a backend. */
export interface SharedOptions {
  readonly url: string;
  /** Omitted: the ledger of the backend itself, or the one in its URL. */
  readonly ledger?: string;
  readonly json?: true;
}

/** Adds the shared options. Call it last: help lists options in the order in which they were added. */
export function shared(command: Command): Command {
  return command
    .addOption(
      new Option("--url <url>", "the backend: sqlite:./waybill.db, redis:, sqs:, amqp:, postgres:")
        .env("WAYBILL_URL")
        .argParser(nonEmpty)
        .default("sqlite:./waybill.db"),
    )
    .addOption(new Option("--ledger <url>", "a backend that lends its ledger to sqs: or amqp:").env("WAYBILL_LEDGER"))
    .option("--json", "print JSON, one line per row; errors too, on stderr");
}

/**
 * Opens the backend, runs `work` and closes the backend, also when `work` rejects. Log lines are off: stdout carries only the
 * command's output.
 */
export async function connected<T>(
  { url, ledger }: SharedOptions,
  options: ConnectOptions,
  work: (jobs: Jobs) => Promise<T>,
): Promise<T> {
  const jobs = await connect(url, { log: "off", ledger, ...options });
  try {
    return await work(jobs);
  } finally {
    await jobs.close();
  }
}

/** As `connected`, with the backend's inspector. Rejects `CAPABILITY_MISSING` where the backend has none. */
export function inspecting<T>(options: SharedOptions, work: (inspector: Inspector) => Promise<T>): Promise<T> {
  return connected(options, {}, (jobs) => {
    if (jobs.inspector !== null) return work(jobs.inspector);
    const { name } = jobs.backend;
    throw new CommandError("CAPABILITY_MISSING", `${name} cannot be inspected; use the tools of ${name} itself`);
  });
}
