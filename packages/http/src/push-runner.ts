import { type Envelope, WaybillError } from "@waybill/core";
import { execute, type Execution, type Registry } from "@waybill/core/door";
import { isLarge } from "./body-reader.ts";
import { type Carrier, type Parcel, refuseOther } from "./carrier.ts";
import type { Inside } from "./door.ts";
import { envelopeIn } from "./envelope-in.ts";
import { Latch } from "./latch.ts";
import { Places } from "./places.ts";
import { PushRefused } from "./problem.ts";
import { type PushAnswer, header, type Push } from "./push.ts";
import type { PushSettler } from "./push-settler.ts";
import { respond } from "./respond.ts";
import { Run } from "./run.ts";

/** What a receiver carries now, for health checks and metrics. */
export interface ReceiverLoad {
  /** Jobs that run now. */
  readonly running: number;
  /** Jobs that may run at once. */
  readonly concurrency: number;
  /** Requests that wait for a place. */
  readonly waiting: number;
  readonly draining: boolean;
}

export interface PushRunner extends Inside {
  load(): ReceiverLoad;
  /** Lets running jobs finish, then aborts them; answers how many handlers have not ended even then. */
  end(drainMs: number, abortMs: number): Promise<number>;
  /** Skips the draining. */
  hurry(): void;
}

export interface PushRunnerSettings {
  readonly registry: Registry;
  readonly settler: PushSettler;
  readonly concurrency: number;
  /** How long a handler may go on once nobody waits for its answer. */
  readonly abortMs: number;
  /** Who runs, for events. */
  readonly worker: string;
}

/** Runs parcels in a limited number of places. A job that runs here already is joined, not run twice. */
export function createPushRunner(settings: PushRunnerSettings): PushRunner {
  const { registry, settler, concurrency, abortMs, worker } = settings;
  const places = new Places(concurrency);
  const runs = new Set<Run>();
  const runsById = new Map<string, Run>();
  /** Every handler has ended, or is not waited for any more. */
  const quiet = new Latch();
  /** Quiet, or told to hurry. */
  const drained = new Latch();
  let draining = false;

  function tellQuiet(): void {
    drained.open();
    quiet.open();
  }

  function start(parcel: Parcel, envelope: Envelope | null, from: Carrier): Run {
    const run = new Run(parcel.body, abortMs, (execution) => answerOf(parcel, envelope, execution, from), {
      decided: () => places.free(),
      ended() {
        runs.delete(run);
        if (envelope !== null) runsById.delete(envelope.id);
        if (draining && runs.size === 0) tellQuiet();
      },
    });
    runs.add(run);
    if (envelope !== null) runsById.set(envelope.id, run);
    return run;
  }

  async function answerOf(
    parcel: Parcel,
    envelope: Envelope | null,
    execution: Execution,
    from: Carrier,
  ): Promise<PushAnswer> {
    const startedAt = performance.now();
    const { body, attempt, lost, releases, signature, label } = parcel;
    const delivery = { body, attempt, lost, releases, dueAt: null, signature, label, from, worker, execution };
    const outcome = await execute(envelope === null ? delivery : { ...delivery, envelope }, registry);
    return settler.settle({ parcel, envelope, outcome, ranMs: performance.now() - startedAt });
  }

  function join(run: Run, id: string, parcel: Parcel, push: Push): Promise<PushAnswer> | PushAnswer {
    if (run.body !== parcel.body) throw new PushRefused(409, "ID_CONFLICT", "another body runs here under the same id");
    return run.decided ? stillEnding(id, parcel.releases) : run.answer(push);
  }

  /** A carrier for which each answer spends one of a job's few deliveries is told once, at the end of the shutdown. */
  async function isDraining(carrier: Carrier, { onGone }: Push): Promise<PushRefused> {
    if (carrier.line > 0) await Promise.race([quiet.opened, new Promise<void>((resolve) => onGone(resolve))]);
    return new PushRefused(503, "DRAINING", "shutting down");
  }

  return {
    load: () => ({ running: places.taken, concurrency, waiting: places.waiting, draining }),
    turnsAway({ headers }, carrier) {
      // A small body is worth reading to see whether it is a job that runs here; so is a large one that says so.
      const mayJoin = runs.size > 0 && (!isLarge(headers) || runsById.has(header(headers, "webhook-id") ?? ""));
      if (mayJoin) return null;
      if (draining && carrier.line === 0) return new PushRefused(503, "DRAINING", "shutting down");
      return places.isFull(carrier.line) ? full(concurrency) : null;
    },
    async deliver(parcel, carrier, push) {
      const envelope = envelopeIn(parcel.body);
      const id = envelope?.id ?? "";
      if (envelope !== null && parcel.provenId !== null) refuseOther(parcel.provenId, envelope.id);
      const running = runsById.get(id);
      if (running !== undefined) return join(running, id, parcel, push);
      if (draining) throw await isDraining(carrier, push);
      const hasPlace = await places.take(carrier.line, push.onGone);
      if (hasPlace && !draining) {
        // While it waited for its place, another delivery of the same job may have begun.
        const begun = runsById.get(id);
        if (begun === undefined) return start(parcel, envelope, carrier).answer(push);
        places.free();
        return join(begun, id, parcel, push);
      }
      if (hasPlace) places.free();
      throw draining ? await isDraining(carrier, push) : full(concurrency);
    },
    hurry: () => drained.open(),
    async end(drainMs, graceMs) {
      draining = true;
      places.dismiss();
      if (runs.size === 0) tellQuiet();
      await drained.openedWithin(drainMs);
      const reason = new WaybillError("SHUTDOWN", "the receiver is shutting down; send the job again");
      for (const { execution } of runs) execution.cancel(reason, graceMs);
      // The outcome of a deaf handler is decided without it after `graceMs`, and its answer is then on its way.
      await quiet.openedWithin(graceMs + 100);
      tellQuiet();
      return runs.size;
    },
  };
}

/** Asked again after a second, doubling to a minute: a handler deaf to its abort may never end. */
function stillEnding(id: string, releases: number): PushAnswer {
  const delayMs = Math.min(1_000 * 2 ** Math.min(releases, 6), 60_000);
  const reason = { code: "RUNNING_HERE", message: "an earlier delivery of the job still runs in this process" };
  return respond({ kind: "release", delayMs, reason }, id);
}

function full(concurrency: number): PushRefused {
  return new PushRefused(429, "FULL", `${concurrency} jobs run already`);
}
