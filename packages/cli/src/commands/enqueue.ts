import { type Command, Option } from "commander";
import type { Duration, EnqueueOptions, JobDefinition, Jobs, Receipt } from "@waybill/core";
import { connected, shared, type SharedOptions } from "../connection.ts";
import { UsageError } from "../exit.ts";
import { examples } from "../output/help.ts";
import { loadJobs } from "../jobs-file/load.ts";
import { type KeyFlags, keysOption, readKeys } from "../options/keys.ts";
import { type RecordFlags, recordOptions, recordsOf } from "../options/records.ts";
import { duration, instant } from "../options/values.ts";
import { readPayload } from "../jobs-file/payload.ts";
import { printJson, printText } from "../output/print.ts";

/** Where the definitions of jobs are. */
export interface RegistryFlags {
  readonly jobs?: string;
  /** False for --no-registry. */
  readonly registry: boolean;
}

interface Options extends SharedOptions, KeyFlags, RecordFlags, RegistryFlags {
  readonly queue?: string;
  readonly delay?: Duration;
  readonly runAt?: Date;
  readonly id?: string;
}

export function enqueueCommand(program: Command): void {
  const command = program
    .command("enqueue")
    .summary("enqueue one job")
    .description("Enqueue one job and print its id once it is stored.")
    .argument("<type>", "which handler runs it: mail.album_ready")
    .argument("[json]", 'its payload as JSON, or "-" to read it from standard input (default: {})')
    .addOption(
      new Option("--jobs <file>", "module with the job definitions; other types are refused").env("WAYBILL_JOBS"),
    )
    .option("--no-registry", "accept any type unchecked, for workers that are not written here")
    .option("--queue <name>", "instead of the queue of its definition (without a definition: default)")
    .addOption(
      new Option("--delay <duration>", "do not start it before this long from now: 500ms, 5s, 10m, 2h, 7d")
        .argParser(duration)
        .conflicts("runAt"),
    )
    .addOption(new Option("--run-at <time>", "do not start it before this ISO 8601 time").argParser(instant))
    .option("--id <id>", "the job's id, a UUID; the same id and payload twice are one job (default: a new id)")
    .addOption(keysOption());
  recordOptions(command);
  examples(
    shared(command).action(enqueue),
    ['waybill enqueue mail.album_ready \'{"albumId":"a1"}\' --jobs ./jobs.js', "checked against its definition"],
    [
      "waybill enqueue report.build - --jobs ./jobs.js --delay 10m < report.json",
      "payload from a file, in ten minutes",
    ],
    ["waybill enqueue thumb.make '{\"id\":7}' --no-registry --queue media", "for a worker in another language"],
  );
}

async function enqueue(type: string, json: string | undefined, options: Options): Promise<void> {
  const definitions = await registry(options);
  const payload = await readPayload(json);
  const definition = definitions?.find((job) => job.type === type);
  const queue = options.queue ?? definition?.queue ?? "default";
  const keys = readKeys(options);
  const known = { ...(definitions && { jobs: definitions }), ...(keys && { keys }), ...recordsOf(options) };
  const receipt = await connected(options, known, (jobs) => put(jobs, definition ?? type, payload, queue, options));
  if (options.json) printJson({ id: receipt.id, type, queue, stored: receipt.stored, known: definition !== undefined });
  else
    printText(
      receipt.stored ? `${receipt.id} is stored in ${queue}.` : `${receipt.id} was stored before; nothing changed.`,
    );
}

/** Returns null for --no-registry. Throws `UsageError` without either, so that a misspelt type is never stored. */
export async function registry(options: RegistryFlags): Promise<JobDefinition[] | null> {
  if (!options.registry) return null;
  if (options.jobs !== undefined) return loadJobs(options.jobs);
  throw new UsageError(
    "the job types are not known: give --jobs FILE (or WAYBILL_JOBS), or --no-registry to enqueue any type unchecked",
  );
}

function put(
  jobs: Jobs,
  job: JobDefinition | string,
  payload: unknown,
  queue: string,
  options: Options,
): Promise<Receipt> {
  const chosen: EnqueueOptions = {
    queue,
    ...(options.id === undefined ? {} : { id: options.id }),
    ...(options.delay === undefined ? {} : { delay: options.delay }),
    ...(options.runAt === undefined ? {} : { runAt: options.runAt }),
  };
  return typeof job === "string" ? jobs.enqueue(job, payload, chosen) : jobs.enqueue(job, payload, chosen);
}
