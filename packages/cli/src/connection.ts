import { type Command, Option } from "commander";
import { connect, type ConnectOptions, type Inspector, type Jobs } from "@waybill/core";
import { CommandError } from "./exit.ts";
import { readProjectFile } from "./project-file.ts";

/** What every command that talks to a backend takes. */
export interface SharedOptions {
  readonly url: string;
  readonly json?: true;
}

/** Adds the options every command shares, last, so that its own come first in its help. */
export function shared(command: Command): Command {
  return command
    .addOption(
      new Option("--url <url>", "the backend: sqlite:./waybill.db, redis:, sqs:, amqp:, postgres:")
        .env("WAYBILL_URL")
        .default("sqlite:./waybill.db"),
    )
    .option("--json", "print JSON, one line per row; errors too, on stderr");
}

/** Connects, works and closes, whatever the work came to. Log lines are off: stdout belongs to the command's answer. */
export async function connected<T>(url: string, options: ConnectOptions, work: (jobs: Jobs) => Promise<T>): Promise<T> {
  const jobs = await connect(url, { log: "off", services: readProjectFile().services, ...options });
  try {
    return await work(jobs);
  } finally {
    await jobs.close();
  }
}

/** As `connected`, for commands that look into the backend. */
export function inspecting<T>(url: string, work: (inspector: Inspector) => Promise<T>): Promise<T> {
  return connected(url, {}, (jobs) => {
    if (jobs.inspector !== null) return work(jobs.inspector);
    const { name } = jobs.backend;
    throw new CommandError("CAPABILITY_MISSING", `${name} cannot be looked into; use the tools of ${name} itself`);
  });
}
