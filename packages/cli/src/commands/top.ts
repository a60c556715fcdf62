import { type Command, InvalidArgumentError } from "commander";
import { describeError, type Duration, type Jobs } from "@waybill/core";
import { durationMs } from "@waybill/core/endpoint";
import { connected, shared, type SharedOptions } from "../connection.ts";
import { CommandError } from "../exit.ts";
import { examples, section } from "../output/help.ts";
import { closeScreen, drawScreen, openScreen, printJson, printText } from "../output/print.ts";
import { type Look, topText } from "../output/top-text.ts";
import { duration } from "../options/values.ts";

type Options = SharedOptions & Readonly<{ interval: Duration; once?: true }>;

export function topCommand(program: Command): void {
  const command = program
    .command("top")
    .summary("watch queues and workers in the terminal")
    .description("Show the queues with their jobs, how fast they grow or shrink, and the live workers, until Ctrl-C.")
    .option("--interval <duration>", "how often the backend is asked, at least 500ms", interval, "2s")
    .option("--once", "print one table and end, as in a pipe");
  examples(
    shared(command).action(top),
    ["waybill top", "refreshes every two seconds"],
    ["waybill top --once", "one table, without rates"],
    ["waybill top --json", "one line with the queues and the workers"],
  );
  section(
    command,
    "Note",
    "NET/S is the change of ready, delayed and leased jobs per second: below 0 the queue shrinks.",
  );
}

function interval(text: string): Duration {
  const value = duration(text);
  if (durationMs(value, "--interval") >= 500) return value;
  throw new InvalidArgumentError("Write 500ms or more: each look counts the jobs of every queue.");
}

async function top(options: Options): Promise<void> {
  await connected(options, {}, async (jobs) => {
    const first = await lookAt(jobs);
    if (options.json) printJson({ queues: first.queues, workers: first.workers });
    else if (options.once || !process.stdout.isTTY) printText(topText(first, null, widthOf()));
    else await watch(jobs, first, durationMs(options.interval, "--interval"));
  });
}

async function lookAt(jobs: Jobs): Promise<Look> {
  const { inspector } = jobs;
  if (inspector === null) throw new CommandError("CAPABILITY_MISSING", `${jobs.backend.name} cannot be inspected`);
  const [queues, workers] = await Promise.all([inspector.counts(), jobs.workers().catch(() => null)]);
  return { at: performance.now(), queues, workers };
}

const widthOf = (): number => process.stdout.columns ?? Infinity;

/** Draws each look over the last one until a signal. A look that fails leaves the last one, with the error below it. */
async function watch(jobs: Jobs, first: Look, everyMs: number): Promise<void> {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  let [look, before, trouble] = [first, null as Look | null, ""];
  const draw = (): void => drawScreen(`${topText(look, before, widthOf())}${trouble && `\n\n${trouble}`}`);
  process.on("SIGINT", end).on("SIGTERM", end);
  process.stdout.on("resize", draw);
  openScreen();
  try {
    for (;;) {
      draw();
      await passed(everyMs, stop.signal);
      if (stop.signal.aborted) return;
      const next = await lookAt(jobs).catch((thrown: unknown) => describeError(thrown));
      if (typeof next === "string") trouble = next;
      else [look, before, trouble] = [next, look, ""];
    }
  } finally {
    closeScreen();
    process.stdout.off("resize", draw);
    process.off("SIGINT", end).off("SIGTERM", end);
  }
}

function passed(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
