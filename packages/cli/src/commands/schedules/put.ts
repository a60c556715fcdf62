import { type Command, Option } from "commander";
import {
  defineSchedule,
  type Duration,
  isWaybillError,
  type Missed,
  type Overlap,
  type ScheduleOptions,
} from "@waybill/core";
import { connected, shared, type SharedOptions } from "../../connection.ts";
import { UsageError } from "../../exit.ts";
import { readPayload } from "../../jobs-file/payload.ts";
import { type KeyFlags, keysOption, readKeys } from "../../options/keys.ts";
import { duration, wholeNumber } from "../../options/values.ts";
import { examples } from "../../output/help.ts";
import { printJson, printText } from "../../output/print.ts";
import { registry, type RegistryFlags } from "../enqueue.ts";
import { assertNotDeclared, findSchedule } from "./find.ts";

interface Options extends SharedOptions, KeyFlags, RegistryFlags {
  readonly cron?: string;
  readonly timeZone?: string;
  readonly every?: Duration;
  readonly afterCompletion?: Duration;
  readonly overlap?: Overlap;
  readonly missed?: Missed;
  readonly maxMissed?: number;
  readonly jitter?: Duration;
  readonly queue?: string;
}

export function putCommand(schedules: Command): void {
  const command = schedules
    .command("put")
    .summary("create one, or change it")
    .description("Create a schedule that lasts until it is removed, or change it. Any worker of the backend fires it.")
    .argument("<name>", "its name")
    .argument("<type>", "the job that it runs: report.build")
    .argument("[json]", 'the payload of the job as JSON, or "-" to read it from standard input (default: {})')
    .option("--cron <fields>", 'minute, hour, day, month, day of the week: "0 9 * * MON"')
    .option("--time-zone <zone>", "of --cron: Europe/Vienna (default: UTC)")
    .option("--every <duration>", "at the multiples of 10s, 5m, 1h", duration)
    .option("--after-completion <duration>", "this long after each end of its job: 10s", duration)
    .addOption(
      new Option("--overlap <how>", "while the last job is unfinished (default: allow)").choices([
        "allow",
        "skip",
        "queue_one",
      ]),
    )
    .addOption(
      new Option("--missed <how>", "ticks that nothing could fire (default: run_once)").choices([
        "skip",
        "run_once",
        "run_all",
      ]),
    )
    .option("--max-missed <count>", "with --missed run_all: the last of them only (default: 100)", wholeNumber(1))
    .option("--jitter <duration>", "fire each tick up to this much later", duration)
    .option("--queue <name>", "instead of the queue of the job's definition")
    .addOption(
      new Option("--jobs <file>", "module with the job definitions; other types are refused").env("WAYBILL_JOBS"),
    )
    .option("--no-registry", "accept any type unchecked, for workers that are not written here")
    .addOption(keysOption());
  examples(
    shared(command).action(put),
    [
      'waybill schedules put nightly report.build --cron "0 3 * * *" --time-zone Europe/Vienna --jobs ./jobs.js',
      "every night at 3 in Vienna",
    ],
    [
      "waybill schedules put sync shop.sync '{\"shop\":7}' --after-completion 10s --no-registry",
      "10 s after each end, never two at once",
    ],
  );
}

async function put(name: string, type: string, json: string | undefined, options: Options): Promise<void> {
  const {
    url: _url,
    ledger: _ledger,
    json: _json,
    jobs: _jobs,
    registry: _registry,
    keysFile: _keysFile,
    ...settings
  } = options;
  const definitions = await registry(options);
  const payload = await readPayload(json);
  const job = definitions?.find((one) => one.type === type) ?? type;
  const keys = readKeys(options);
  const known = { ...(definitions && { jobs: definitions }), ...(keys && { keys }) };
  try {
    const schedule = defineSchedule({ name, job, payload, ...settings } as ScheduleOptions);
    await connected(options, known, async (jobs) => {
      assertNotDeclared(await findSchedule(jobs, name), "changed");
      await jobs.schedules.put(schedule);
    });
  } catch (thrown) {
    throw isWaybillError(thrown, "CONFIG_INVALID") ? inOptions(thrown) : thrown;
  }
  if (options.json) printJson({ name, type });
  else printText(`${name} is stored; a worker on this backend fires it.`);
}

/** Returns the error of a schedule with the options of the command instead of those of `defineSchedule`. Quoted names stay. */
function inOptions({ message }: Error): UsageError {
  const names = /(?<!-)`?\b(cron|timeZone|every|afterCompletion|overlap|missed|maxMissed|jitter)\b`?/g;
  const option = (name: string): string => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const text = message
    .replaceAll(/`?\b(every|missed): "(\w+)"`?/g, (_, name: string, value: string) => `${option(name)} ${value}`)
    .split(/("[^"]*")/)
    .map((part, at) => (at % 2 === 1 ? part : part.replaceAll(names, (_, name: string) => option(name))))
    .join("");
  return new UsageError(text);
}
