import { errorMessage, WaybillError } from "@waybill/core";
import { assertKnownOptions, describeValue, type OptionNames } from "@waybill/core/backend";
import { member, warn } from "@waybill/core/endpoint";
import type { SourceHost, StopResult, TerminationNotice, TerminationSource } from "./source.ts";

/** Options of `watchTermination`. */
export interface TerminationOptions {
  /** What `ec2AutoScaling`, `ec2Spot` and `ecs` returned. At least one. */
  readonly sources: readonly TerminationSource[];
  /**
   * Stops the program: `(reason) => worker.stop(reason)`. Called once, and a second time shortly before the platform's time is over,
   * which makes a worker abort its running jobs.
   */
  readonly stop: (reason: string) => unknown;
  /** Receives one line for each notice, and for what does not work. Default: a process warning. */
  readonly log?: ((line: string) => void) | undefined;
}

/** A watch that runs. */
export interface TerminationWatch {
  /** Returns the notice because of which `stop` was called; null while there is none. */
  notice(): TerminationNotice | null;
  /**
   * Ends the watch. Resolves once the platform has what it waits for: the lifecycle action is completed, the scale-in
   * protection released. Call it after the worker has stopped and before the process ends. Never rejects.
   */
  close(): Promise<void>;
}

const OPTIONS: OptionNames<TerminationOptions> = { sources: true, stop: true, log: true };

/**
 * Watches for the end of the machine and stops the program in time. Resolves after the first look at each source, so that a program
 * that starts on a machine about to end can see it by `notice()` before it leases a job. A source that does not respond stops
 * nothing. Rejects with `CONFIG_INVALID` for options that cannot work.
 */
export async function watchTermination(options: TerminationOptions): Promise<TerminationWatch> {
  assertKnownOptions(options, OPTIONS, "the options of watchTermination");
  const { sources, stop, log = warn } = options;
  if (
    !Array.isArray(sources) ||
    sources.length === 0 ||
    !sources.every((one) => typeof member(one, "watch") === "function")
  )
    throw refuse(`sources is ${describeValue(sources)}: pass a list such as [ec2Spot()]`);
  if (typeof stop !== "function")
    throw refuse(`stop is ${describeValue(stop)}: pass a function such as (reason) => worker.stop(reason)`);
  if (typeof log !== "function") throw refuse(`log is ${describeValue(log)}: pass a function that takes a line`);

  const closing = new AbortController();
  const stopper = stopOnce(stop, log);
  const hostOf = ({ name }: TerminationSource): SourceHost => ({
    terminate: stopper.terminate,
    log: (line) => log(`${name}: ${line}`),
    signal: closing.signal,
  });
  const watching = await Promise.allSettled(sources.map((source) => source.watch(hostOf(source))));
  const ends = watching.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  async function close(): Promise<void> {
    closing.abort();
    const ended = await Promise.allSettled(ends.map((end) => end()));
    for (const one of ended) if (one.status === "rejected") log(`a source ended with ${errorMessage(one.reason)}`);
  }
  const refused = watching.find((one) => one.status === "rejected");
  if (refused === undefined) return { notice: stopper.notice, close };
  await close();
  throw refused.reason;
}

/** Calls `stop` for the first notice, and again when the time of the earliest one is nearly over. */
function stopOnce(stop: TerminationOptions["stop"], log: (line: string) => void) {
  let first: TerminationNotice | null = null;
  let stopping: Promise<StopResult> | null = null;
  let forced = false;

  async function call(reason: string): Promise<StopResult> {
    try {
      await stop(reason);
      return "stopped";
    } catch (thrown) {
      log(`stop failed: ${errorMessage(thrown)}`);
      return "failed";
    }
  }
  function force(): void {
    if (forced || first === null) return;
    forced = true;
    log(`${first.reason}: the time is nearly over, so the end is forced`);
    void call(first.reason);
  }
  return {
    notice: () => first,
    async terminate(notice: TerminationNotice): Promise<StopResult> {
      if (first === null)
        log(`${notice.reason}: the machine is about to end; at most ${seconds(notice.limitMs)} to stop`);
      first ??= notice;
      stopping ??= call(notice.reason);
      const graceMs = Math.min(LONGEST_GRACE_MS, notice.limitMs / 4);
      const result = await within(stopping, notice.limitMs - graceMs);
      if (result !== "limit") return result;
      force();
      return within(stopping, graceMs);
    },
  };
}

/** For the second call of `stop` to take effect: the default limits of a worker for aborting and closing are 7 s. */
const LONGEST_GRACE_MS = 15_000;

async function within(stopping: Promise<StopResult>, ms: number): Promise<StopResult> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<StopResult>((resolve) => (timer = setTimeout(resolve, ms, "limit")));
  try {
    return await Promise.race([stopping, limit]);
  } finally {
    clearTimeout(timer);
  }
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
