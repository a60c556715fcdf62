import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { Duration, Jobs, QueueCounts } from "@waybill/core";
import { durationMs } from "@waybill/core/endpoint";
import { connected, shared, type SharedOptions } from "../connection.ts";
import { CommandError, UsageError } from "../exit.ts";
import { duration, list } from "../options/values.ts";
import { span } from "../output/duration-text.ts";
import { examples } from "../output/help.ts";
import { printJson, printText } from "../output/print.ts";

interface Options extends SharedOptions {
  readonly queue?: readonly string[];
  readonly timeout: Duration;
  readonly leaveDelayed?: true;
}

const PAUSE_MS = 500;

export function drainCommand(program: Command): void {
  const command = program
    .command("drain")
    .summary("wait until a queue is empty")
    .description(
      "Wait until the workers have emptied a queue: exit 0 once it has no job but dead letters, exit 1 with what is left " +
        "after --timeout. Runs no job itself, and does not keep producers from enqueueing.",
    )
    .option("--queue <name>", "this queue; may be repeated", list)
    .option("--timeout <duration>", "give up after this long", duration, "10m")
    .option("--leave-delayed", "do not wait for delayed jobs");
  examples(
    shared(command).action(drain),
    ["waybill drain --queue media && ./deploy.sh", "deploy once the queue is empty"],
    ["waybill drain --queue media --leave-delayed --timeout 30s", "all but what is scheduled, within half a minute"],
  );
}

async function drain(options: Options): Promise<void> {
  const { queue: names, timeout, json } = options;
  if (names === undefined) throw new UsageError("name the queue: --queue NAME");
  const limitMs = durationMs(timeout, "--timeout");
  const began = performance.now();
  await connected(options, {}, async (jobs) => {
    for (;;) {
      const left = await leftIn(jobs, names, options);
      const waitedMs = performance.now() - began;
      if (left.length === 0) return report(names, waitedMs, json);
      const paused = await pausedOf(jobs, left);
      if (paused !== null)
        throw new CommandError(
          "PAUSED",
          `${textOf([paused], options)} and is paused; "waybill resume --queue ${paused.queue}" ends the pause`,
        );
      if (waitedMs >= limitMs) throw new CommandError("NOT_EMPTY", `after ${timeout}, ${textOf(left, options)}`);
      await sleep(Math.min(PAUSE_MS, Math.max(limitMs - waitedMs, 1)));
    }
  });
}

function report(names: readonly string[], waitedMs: number, json: true | undefined): void {
  if (json) return printJson({ queues: names, waitedMs: Math.round(waitedMs) });
  const subject = names.length === 1 ? `Queue "${names[0]}" is` : `Queues "${names.join('", "')}" are`;
  printText(`${subject} empty, after ${span(waitedMs)}.`);
}

/** Returns the counts of the queues that have jobs to wait for. */
async function leftIn(jobs: Jobs, names: readonly string[], { leaveDelayed }: Options): Promise<QueueCounts[]> {
  const { inspector, backend } = jobs;
  if (inspector === null) {
    throw new CommandError(
      "CAPABILITY_MISSING",
      `${backend.name} cannot be inspected; use the tools of ${backend.name} itself`,
    );
  }
  const counts = await inspector.counts(names);
  const unread = counts.find(({ queue, unreadable }) => names.includes(queue) && unreadable !== undefined);
  if (unread)
    throw new CommandError("UNREADABLE", `queue "${unread.queue}" cannot be counted: ${unread.unreadable?.[0]}`);
  return counts.filter(
    ({ queue, ready, delayed, leased }) => names.includes(queue) && ready + leased + (leaveDelayed ? 0 : delayed) > 0,
  );
}

/** Returns the first of these queues that is paused; null where none is, or where the backend cannot pause. */
async function pausedOf(jobs: Jobs, left: readonly QueueCounts[]): Promise<QueueCounts | null> {
  const pauses = await jobs.pauses().catch(() => []);
  const paused = new Set(pauses.flatMap((pause) => ("queue" in pause ? [pause.queue] : [])));
  return left.find(({ queue, leased }) => paused.has(queue) && leased === 0) ?? null;
}

/** Names what is left: `queue "media" still has 2 ready and 1 running jobs`. */
function textOf(left: readonly QueueCounts[], { leaveDelayed }: Options): string {
  const texts = left.map(({ queue, ready, delayed, leased }) => {
    const counts = { ready, delayed: leaveDelayed ? 0 : delayed, running: leased };
    const parts = Object.entries(counts).flatMap(([state, count]) => (count > 0 ? [`${count} ${state}`] : []));
    const jobs = ready + counts.delayed + leased === 1 ? "job" : "jobs";
    return `queue "${queue}" still has ${parts.join(parts.length > 2 ? ", " : " and ")} ${jobs}`;
  });
  return texts.join("; ");
}
