import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { WaybillError } from "./errors.ts";
import type { EventBus, ShutdownReport } from "./events.ts";
import { createHeartbeat } from "./heartbeat.ts";
import { outsideEveryScope } from "./job-context.ts";
import type { Intake } from "./intake.ts";
import { createJobRunner } from "./job-runner.ts";
import { createLeaseKeeper } from "./lease-keeper.ts";
import { runLeaseLoop } from "./lease-loop.ts";
import { watchMemory } from "./memory-limit.ts";
import { createReachability } from "./reachability.ts";
import { createRegistry } from "./registry.ts";
import { offersOf } from "./requirement.ts";
import type { Seam } from "./seam.ts";
import { createSettler } from "./settler.ts";
import { shutDown } from "./shutdown.ts";
import { runUntilSignal } from "./signals.ts";
import type { KeyRing } from "./signing.ts";
import { Slots } from "./slots.ts";
import { watchStandstill } from "./standstill.ts";
import type { Telemetry } from "./telemetry.ts";
import { healthOf, type Phase, type WorkerHealth } from "./worker-health.ts";
import { workerSettings, type WorkerOptions, type WorkerSettings } from "./worker-options.ts";

/** Leases jobs from its queues and runs them, in this process. */
export interface Worker {
  /** Host, process and a few random letters. */
  readonly id: string;
  /** Leases and runs jobs from now on. A second call does nothing. */
  start(): Promise<void>;
  /**
   * Takes no more jobs, and ends. It does so in four steps, each with its limit: no more leases; running jobs finish;
   * the rest are aborted; what is unfinished is handed back uncounted. A second call skips the waiting. Never
   * rejects.
   */
  stop(reason?: string): Promise<ShutdownReport>;
  /**
   * Starts, and stops on SIGTERM or SIGINT. Then it closes the connection and resolves with the report, which is also
   * the last line logged. Rejects with the reason when a queue cannot be leased from as the program is set up. A second
   * signal shortens the wait, a third ends the process.
   */
  run(): Promise<ShutdownReport>;
  /** How it does now, for health checks. Asks the backend nothing: its own calls tell. */
  health(): WorkerHealth;
}

/** The connection a worker is made from. */
export interface WorkerHost {
  readonly seam: Seam;
  readonly intake: Intake;
  readonly events: EventBus;
  readonly role: string;
  readonly env: string;
  /** The connection's own, which a worker verifies with unless it has others; null where it signs nothing. */
  readonly keys: KeyRing | null;
  /** Null: nobody traces or counts. */
  readonly telemetry: Telemetry | null;
  /** Of the program; null when it was not told. */
  readonly version: string | null;
  readonly close: () => Promise<void>;
}

/** A worker as its connection holds it. */
export interface OwnedWorker {
  readonly worker: Worker;
  /** Stops it, or waits for the stop already under way without hurrying it. */
  finish(): Promise<unknown>;
  readonly stopped: Promise<ShutdownReport>;
}

/** Throws `CONFIG_INVALID` or `CAPABILITY_MISSING` at once: a worker that cannot work is not made. */
export function createWorker(host: WorkerHost, options: WorkerOptions): OwnedWorker {
  const settings = workerSettings(options, host.seam.backend.capabilities);
  const id = `${hostname()}-${process.pid}-${randomBytes(2).toString("hex")}`;
  const refused = (error: Error): void => {
    refusal = error;
    stopping ??= end("CONFIG_INVALID");
  };
  const engine = createEngine(host, options, settings, id, refused);
  let refusal: Error | null = null;
  let started = false;
  let ended = false;
  let stopping: Promise<ShutdownReport> | null = null;
  let hurry = (): void => {};
  let stopWatching = (): void => {};
  let tellStopped: (report: ShutdownReport) => void = () => {};
  const stopped = new Promise<ShutdownReport>((resolve) => (tellStopped = resolve));

  async function end(reason: string): Promise<ShutdownReport> {
    const startedAt = performance.now();
    const hurried = new Promise<void>((resolve) => (hurry = resolve));
    stopWatching();
    await engine.end(hurried);
    const durationMs = Math.round(performance.now() - startedAt);
    const report = { worker: id, reason, ...engine.counts(), durationMs };
    if (started) host.events.emit("stopped", report);
    ended = true;
    tellStopped(report);
    return report;
  }

  const phase = (): Phase => {
    if (ended) return "stopped";
    if (stopping) return "draining";
    return started ? "running" : "new";
  };

  const worker: Worker = {
    id,
    async start() {
      if (stopping) throw new WaybillError("CONFIG_INVALID", "this worker has been stopped; make a new one");
      if (started) return;
      stopWatching = watchMemory(settings.maxMemoryBytes, () => void worker.stop("MEMORY"));
      started = true;
      // Not within the request or the span that happened to start it: the worker outlives them.
      outsideEveryScope(() => engine.begin());
    },
    stop(reason = "stop") {
      if (stopping) hurry();
      stopping ??= end(reason);
      return stopping;
    },
    run: () => runUntilSignal({ ...worker, stopped, refusal: () => refusal }, host.close),
    health: () => engine.health(phase()),
  };
  return { worker, stopped, finish: () => stopping ?? worker.stop("close") };
}

interface Engine {
  begin(): void;
  end(hurried: Promise<void>): Promise<void>;
  counts(): Omit<ShutdownReport, "worker" | "reason" | "durationMs">;
  health(phase: Phase): WorkerHealth;
}

/** The loops, places and timers of one worker, wired together. */
function createEngine(
  host: WorkerHost,
  options: WorkerOptions,
  settings: WorkerSettings,
  id: string,
  refused: (error: Error) => void,
): Engine {
  const { seam, events, role, env, version } = host;
  const { concurrency, leaseMs, heartbeatMs, middleware, maxLost } = settings;
  const queues = [...settings.queues.keys()];
  const { signatures, keys = host.keys ?? undefined } = options;
  const { address, capabilities } = seam.backend;
  const slots = new Slots(settings);
  const reachability = createReachability(events, id);
  const judged = { capabilities, maxLost, queues, signatures, keys };
  const registry = createRegistry(options.jobs, { middleware, events, telemetry: host.telemetry, ...judged });
  const { telemetry } = registry;
  const settler = createSettler({ seam, slots, events, telemetry, reachability, worker: id });
  const runner = createJobRunner(slots, registry, settler, id, seam);
  const keeper = createLeaseKeeper({ seam, slots, leaseMs, release: runner.release });
  const facts = { host: hostname(), pid: process.pid, version, queues, concurrency, heartbeatMs };
  let startedAt = 0;
  let leaveIntake = (): void => {};
  const heartbeat =
    seam.roster &&
    createHeartbeat({
      roster: seam.roster,
      worker: id,
      heartbeatMs,
      facts: () => ({ ...facts, startedAt, running: slots.running }),
      failed: ({ message }) => events.emit("unlisted", { worker: id, message }),
    });
  let endWatch = (): void => {};
  const stopSignal = new AbortController();
  const { signal } = stopSignal;
  let loops: Promise<unknown> = Promise.resolve();

  return {
    begin() {
      const offers = offersOf(capabilities);
      events.emit("booted", { role, env, backend: address, queues, offers, worker: id, concurrency, pid: process.pid });
      const arrived = (leases: Parameters<typeof runner.take>[0]): void => {
        if (signal.aborted) runner.refuse(leases);
        else runner.take(leases);
        keeper.wake();
      };
      const standstill = watchStandstill();
      endWatch = standstill.end;
      const loop = { seam, slots, leaseMs, signal, arrived, reachability, standstill, refused };
      startedAt = Date.now();
      leaveIntake = host.intake.attend({ queues, reachability, rejected: settler.rejected });
      heartbeat?.begin();
      loops = Promise.all(queues.map((queue) => runLeaseLoop({ ...loop, queue })));
    },
    async end(hurried) {
      const stopLeasing = (): Promise<unknown> => {
        stopSignal.abort();
        return loops;
      };
      const withdraw = async (): Promise<void> => heartbeat?.end();
      await shutDown({ slots, settings, stopLeasing, releaseWaiting: runner.releaseWaiting, withdraw, hurried });
      keeper.stop();
      endWatch();
      leaveIntake();
    },
    counts: () => ({ ...settler.counts, unfinished: slots.held.size }),
    health: (phase) => healthOf(phase, reachability, slots),
  };
}
