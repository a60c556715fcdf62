import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import {
  type Delivery,
  execute,
  Execution,
  type Outcome,
  type OutcomeEvent,
  parseEnvelope,
  type Registry,
  WaybillError,
} from "@waybill/core";
import type { Carrier, Parcel } from "./carrier.ts";
import type { Deliver } from "./door.ts";
import { Places } from "./places.ts";
import { PushRefused } from "./problem.ts";
import type { Answer, Push } from "./push.ts";
import type { DeadLetterOfPush } from "./receiver.ts";
import { respond } from "./respond.ts";

/** What a receiver carries now, for health checks and metrics. */
export interface Load {
  readonly running: number;
  readonly concurrency: number;
  /** Requests that wait for a place. */
  readonly waiting: number;
  readonly draining: boolean;
}

export interface PushCounts {
  completed: number;
  retried: number;
  released: number;
  dead: number;
  lost: number;
}

export interface PushRunner {
  readonly id: string;
  readonly deliver: Deliver;
  counts(): Readonly<PushCounts>;
  load(): Load;
  /** Lets running jobs finish, then aborts them; answers how many handlers have not ended even then. */
  end(drainMs: number, abortMs: number): Promise<number>;
  /** Skips the draining. */
  hurry(): void;
}

export interface PushRunnerSettings {
  readonly registry: Registry;
  readonly concurrency: number;
  readonly abortMs: number;
  readonly keepDead: ((letter: DeadLetterOfPush) => Promise<void>) | null;
}

/** One job in hand, and everybody who waits for its answer. */
interface Run {
  readonly body: string;
  readonly execution: Execution;
  readonly answer: Promise<Answer>;
  requests: number;
  /** Its outcome is known; only its handler, deaf to the abort, goes on. */
  decided: boolean;
}

const COUNTER = { completed: "completed", retry: "retried", release: "released", dead: "dead" } as const;

/** Runs parcels in a limited number of places. A job that runs here already is joined, not run twice. */
export function createPushRunner({ registry, concurrency, abortMs, keepDead }: PushRunnerSettings): PushRunner {
  const id = `${hostname()}-${process.pid}-${randomBytes(2).toString("hex")}`;
  const { events } = registry;
  const places = new Places(concurrency);
  const runs = new Map<string, Run>();
  const counts: PushCounts = { completed: 0, retried: 0, released: 0, dead: 0, lost: 0 };
  let draining = false;
  let tellQuiet: () => void = () => {};
  let tellHurry: () => void = () => {};

  async function deliver(parcel: Parcel, carrier: Carrier, push: Push): Promise<Answer> {
    const jobId = idOf(parcel.body);
    if (parcel.provenId !== null && jobId !== null && parcel.provenId !== jobId) {
      throw new PushRefused(400, "CARRIER_INVALID", `signed as "${parcel.provenId}", but the envelope is "${jobId}"`);
    }
    const running = jobId === null ? undefined : runs.get(jobId);
    if (running !== undefined) return join(running, parcel, push);
    if (draining) throw await drained(carrier, push);
    let isGone = false;
    const gone: (() => void)[] = [() => (isGone = true)];
    push.onGone(() => gone.forEach((listener) => listener()));
    const hasPlace = await places.take(carrier.line, (listener) => gone.push(listener));
    if (!hasPlace) {
      if (draining) throw await drained(carrier, push);
      throw new PushRefused(429, "FULL", isGone ? "the sender left the line" : `${concurrency} jobs run already`);
    }
    // While it waited for its place, another delivery of the same job may have begun.
    const begun = jobId === null ? undefined : runs.get(jobId);
    if (begun !== undefined) {
      places.free();
      return join(begun, parcel, push);
    }
    const run = start(parcel, jobId);
    gone.push(() => leave(run));
    if (isGone) leave(run);
    return run.answer;
  }

  function start(parcel: Parcel, jobId: string | null): Run {
    const execution = new Execution();
    const run: Run = { body: parcel.body, execution, answer: answerOf(parcel, execution), requests: 1, decided: false };
    if (jobId !== null) runs.set(jobId, run);
    const ended = (): void => {
      if (jobId !== null) runs.delete(jobId);
      if (runs.size === 0) tellQuiet();
    };
    const decided = (): void => {
      run.decided = true;
      places.free();
      execution.whenEnded(ended);
    };
    run.answer.then(decided, decided);
    return run;

    async function answerOf(
      { body, attempt, lost, releases, signature, label }: Parcel,
      by: Execution,
    ): Promise<Answer> {
      const delivery: Delivery = {
        body,
        attempt,
        lost,
        releases,
        dueAt: null,
        signature,
        label,
        worker: id,
        execution: by,
      };
      let last: OutcomeEvent | null = null;
      const off = events.has("settled")
        ? events.on("finished", (event) => void (event.id === jobId && (last = event)))
        : null;
      const outcome = await execute(delivery, registry);
      off?.();
      const answer = await kept(outcome, parcel.body, jobId);
      counts[COUNTER[outcome.kind]] += 1;
      if (last !== null) events.emit("settled", last);
      return answer;
    }
  }

  async function kept(outcome: Outcome, body: string, jobId: string | null): Promise<Answer> {
    if (outcome.kind !== "dead" || keepDead === null) return respond(outcome, jobId);
    if (outcome.kept) await keepDead({ id: jobId, body, ...outcome.reason });
    return { ...respond(outcome, jobId), status: 200 };
  }

  function join(run: Run, parcel: Parcel, push: Push): Promise<Answer> {
    if (run.body !== parcel.body) throw new PushRefused(409, "ID_CONFLICT", "another body runs here under the same id");
    if (run.decided) return Promise.resolve(respond(STILL_ENDING, idOf(parcel.body)));
    run.requests += 1;
    push.onGone(() => leave(run));
    return run.answer;
  }

  /** A sender has gone. Once nobody waits for the answer, the job is aborted: whoever has it will send it again. */
  function leave(run: Run): void {
    run.requests -= 1;
    if (run.requests > 0 || run.decided) return;
    run.execution.cancel(new WaybillError("JOB_CANCELLED", "whoever sent the job no longer waits for it"), abortMs);
  }

  /** A carrier for which each answer spends one of a job's few deliveries is told once, at the end of the shutdown. */
  async function drained(carrier: Carrier, push: Push): Promise<PushRefused> {
    if (carrier.line > 0 && runs.size > 0)
      await Promise.race([quiet, new Promise<void>((resolve) => push.onGone(resolve))]);
    return new PushRefused(503, "DRAINING", "shutting down");
  }
  let quiet: Promise<void> = Promise.resolve();

  return {
    id,
    deliver,
    counts: () => counts,
    load: () => ({ running: places.taken, concurrency, waiting: places.waiting, draining }),
    hurry: () => tellHurry(),
    async end(drainMs, graceMs) {
      draining = true;
      const hurried = new Promise<void>((resolve) => (tellHurry = resolve));
      quiet = new Promise((resolve) => (tellQuiet = resolve));
      places.dismiss();
      if (runs.size > 0) await Promise.race([quiet, hurried, after(drainMs)]);
      const reason = new WaybillError("SHUTDOWN", "the receiver is shutting down; send the job again");
      for (const { execution } of runs.values()) execution.cancel(reason, graceMs);
      if (runs.size > 0) await Promise.race([quiet, after(graceMs + 100)]);
      tellQuiet();
      return runs.size;
    },
  };
}

const STILL_ENDING: Outcome = {
  kind: "release",
  delayMs: 1_000,
  reason: { code: "RUNNING_HERE", message: "an earlier delivery of the job still runs in this process" },
};

/** Null for what is no envelope: nothing to join, and `execute` will say what is wrong with it. */
function idOf(body: string): string | null {
  try {
    return parseEnvelope(body).id;
  } catch {
    return null;
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
