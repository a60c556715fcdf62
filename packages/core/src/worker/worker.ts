import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { keepAlive } from "../backend/keep-alive.ts";
import { WaybillError } from "../errors.ts";
import { outsideEveryScope } from "../job/job-context.ts";
import type { ShutdownReport } from "../observability/events.ts";
import { canaryOf } from "../features/canary/canary.ts";
import { watchMemory } from "./memory-watch.ts";
import { shutdownRecord } from "./shutdown-record.ts";
import { runUntilSignal } from "./signals.ts";
import { createWorkerEngine, type WorkerHost } from "./worker-engine.ts";
import type { Phase, WorkerHealth } from "./worker-health.ts";
import type { WorkerOptions } from "./worker-options.ts";
import { type WorkerSettings, workerSettings } from "./worker-settings.ts";

/** Leases jobs from its queues and runs them, in this process. */
export interface Worker {
  /** Host name, process id and four random digits. */
  readonly id: string;
  /**
   * Leases and runs jobs from now on. Keeps the process alive until the worker has stopped. Does nothing if the worker runs
   * already. Rejects with `CONFIG_INVALID` if it has been stopped, if the process is past `maxMemoryBytes`, or for a
   * schedule that cannot work.
   */
  start(): Promise<void>;
  /**
   * Stops the worker. Leases no more jobs and releases those that have not started; lets running jobs finish; aborts the rest,
   * which are released without spending an attempt; stores the outcomes. Each step has a limit, `shutdown`. `reason` is
   * written to the report. A second call forces the shutdown: it aborts running jobs at once. Never rejects.
   */
  stop(reason?: string): Promise<ShutdownReport>;
  /**
   * Starts the worker, and stops it on SIGTERM or SIGINT. Then closes the connection and resolves with the report, which is also
   * the last line logged. A second signal forces the shutdown, a third ends the process. Rejects with the reason when the
   * program's settings do not let it lease from a queue.
   */
  run(): Promise<ShutdownReport>;
  /** Returns the state of the worker, for health checks. Calls no backend: it reports how the worker's own calls went. */
  health(): WorkerHealth;
}

/** A worker, as its connection sees it. */
export interface OwnedWorker {
  readonly worker: Worker;
  /** Stops the worker, or waits for the stop that is under way. Never forces it. */
  finish(): Promise<unknown>;
  readonly stopped: Promise<ShutdownReport>;
}

/** Throws `CONFIG_INVALID` or `CAPABILITY_MISSING` for options that cannot work. */
export function createWorker(host: WorkerHost, given: WorkerOptions): OwnedWorker {
  const settings = workerSettings(given, host.seam.backend.capabilities);
  const options = withCanary(given, settings);
  const id = `${hostname()}-${process.pid}-${randomBytes(2).toString("hex")}`;
  const engine = createWorkerEngine({ host, options, settings, id, refused });
  const record = shutdownRecord(options.shutdownFile, id, () => engine.health(phase).running);
  let force = (): void => {};
  let setStopped: (report: ShutdownReport) => void = () => {};
  const forced = new Promise<void>((resolve) => (force = resolve));
  const stopped = new Promise<ShutdownReport>((resolve) => (setStopped = resolve));
  let phase: Phase = "new";
  let ending: Promise<ShutdownReport> | null = null;
  /** Why the worker has stopped by itself. */
  let refusal: Error | null = null;
  let declaring: Promise<void> | null = null;
  let endWatching = (): void => {};
  let allowExit = (): void => {};

  function refused(error: Error): void {
    refusal = error;
    ending ??= end("CONFIG_INVALID");
  }

  async function end(reason: string): Promise<ShutdownReport> {
    const hasRun = phase === "running";
    const startedAt = performance.now();
    phase = "draining";
    endWatching();
    await engine.end(forced).finally(allowExit);
    const durationMs = Math.round(performance.now() - startedAt);
    const report = { worker: id, reason, ...engine.counts(), durationMs };
    if (hasRun) {
      record.stopped(report);
      host.events.emit("stopped", report);
    }
    phase = "stopped";
    setStopped(report);
    return report;
  }

  /** Hides from the compiler that the phase cannot have changed, which an await makes possible. */
  const hasPhase = (asked: Phase): boolean => phase === asked;

  const worker: Worker = {
    id,
    async start() {
      declaring ??= phase === "new" ? engine.declare() : null;
      if (declaring !== null) await declaring;
      if (hasPhase("running")) return;
      if (phase !== "new") throw new WaybillError("CONFIG_INVALID", "this worker has been stopped; make a new one");
      endWatching = watchMemory(settings.maxMemoryBytes, () => void worker.stop("MEMORY"));
      phase = "running";
      record.watch();
      allowExit = keepAlive();
      // The worker outlives the request or span that starts it, so it must not run within their scope.
      outsideEveryScope(() => engine.begin());
    },
    stop(reason = "stop") {
      if (ending !== null) force();
      ending ??= end(reason);
      return ending;
    },
    run: () => runUntilSignal({ ...worker, stopped, refusal: () => refusal }, host.close),
    health: () => engine.health(phase),
  };

  return { worker, stopped, finish: () => ending ?? worker.stop("close") };
}

/** Adds the canary jobs to what the worker runs and to its schedules. */
function withCanary(options: WorkerOptions, { canaryMs, queues }: WorkerSettings): WorkerOptions {
  if (canaryMs === null) return options;
  const { job, schedules } = canaryOf([...queues.keys()], canaryMs);
  return { ...options, jobs: [...options.jobs, job], schedules: [...(options.schedules ?? []), ...schedules] };
}
