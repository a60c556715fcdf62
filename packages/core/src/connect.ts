import { createAdmit } from "./admit.ts";
import type { BackendFactory } from "./backend.ts";
import { openProducer, type Producer } from "./connect-producer.ts";
import { PRODUCER_OPTIONS, type ProducerOptions } from "./producer-options.ts";
import { type Doctor, doctorOf } from "./doctor.ts";
import { createIntake } from "./intake.ts";
import type { Inspector } from "./inspector.ts";
import { assertKnownOptions, type OptionNames } from "./known-options.ts";
import { type LiveWorker, liveWorkers } from "./live-worker.ts";
import { createSeam } from "./seam.ts";
import { createWorker, type OwnedWorker, type Worker } from "./worker.ts";
import type { WorkerOptions } from "./worker-options.ts";

/** Those of a producer, and what workers say of themselves. */
export interface ConnectOptions extends ProducerOptions {
  /** What this process is, in its boot line. Default "worker". */
  readonly role?: string;
  /** What this program is, such as a release or a commit, beside its workers in `workers()`. */
  readonly version?: string;
}

export const CONNECT_OPTIONS: OptionNames<ConnectOptions> = { ...PRODUCER_OPTIONS, role: true, version: true };

/** A connection to one backend: the producer, and what workers are made from. */
export interface Jobs extends Producer {
  /** Null where the backend cannot be looked into. */
  readonly inspector: Inspector | null;
  /** Null where the backend says nothing about its own health. */
  readonly doctor: Doctor | null;
  /**
   * Makes a worker on this connection. Throws `CONFIG_INVALID` or `CAPABILITY_MISSING` for what can be known
   * beforehand.
   */
  worker(options: WorkerOptions): Worker;
  /**
   * The workers that run on this backend now. Those of every process, by id. One that died is listed until three of its
   * heartbeats are missed. Rejects `CAPABILITY_MISSING` where the backend cannot keep such a list.
   */
  workers(): Promise<LiveWorker[]>;
  /**
   * Stops the workers and closes the backend. Workers take their own limits; then pending calls and the backend
   * together take `closeTimeout` at the longest. Idempotent.
   */
  close(): Promise<void>;
}

/** Opens a backend by its URL. Or by a factory from the backend's package. Rejects with the way out in the message. */
export async function connect(target: string | BackendFactory, options: ConnectOptions = {}): Promise<Jobs> {
  assertKnownOptions(options, CONNECT_OPTIONS, "the options of connect");
  const intake = createIntake();
  const { producer, raw, seam, env, keys } = await openProducer(target, options, {
    context: (has, heard) => ({ admit: createAdmit(has), report: intake.reportTo(heard) }),
    seam: createSeam,
  });
  const { events } = producer;
  const { role = "worker", version = null, telemetry = null } = options;
  const workers = new Set<OwnedWorker>();
  let closing: Promise<void> | null = null;

  async function close(): Promise<void> {
    await Promise.all([...workers].map((owned) => owned.finish()));
    await producer.close();
  }

  const jobs: Jobs = {
    ...producer,
    inspector: seam.inspector,
    doctor: doctorOf(raw),
    worker(workerOptions) {
      const host = { seam, intake, events, role, env, version, keys, telemetry, close: () => jobs.close() };
      const owned = createWorker(host, workerOptions);
      workers.add(owned);
      void owned.stopped.then(() => workers.delete(owned));
      return owned.worker;
    },
    workers: () => liveWorkers(seam),
    close: () => (closing ??= close()),
  };
  return jobs;
}
