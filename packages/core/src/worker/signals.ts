import type { ShutdownReport } from "../observability/events.ts";
import { describeError } from "../values/thrown.ts";
import { warn } from "../values/warn.ts";

/** The part of a worker that `runUntilSignal` uses. */
export interface Stoppable {
  start(): Promise<void>;
  stop(reason: string): Promise<ShutdownReport>;
  /** Resolves once the worker has stopped, for whatever reason. */
  readonly stopped: Promise<ShutdownReport>;
  /** Why the worker has stopped by itself; null unless the program's settings do not let it lease. */
  readonly refusal: () => Error | null;
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/**
 * Starts the worker and waits until it has stopped, then closes the connection. SIGTERM and SIGINT stop the worker, a second
 * signal forces the shutdown, a third ends the process. Rejects with the worker's refusal.
 */
export async function runUntilSignal(worker: Stoppable, close: () => Promise<void>): Promise<ShutdownReport> {
  let asked = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    asked += 1;
    if (asked === 3) process.exit(1);
    void worker.stop(signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    await worker.start();
    const report = await worker.stopped;
    await close().catch((error: unknown) => {
      warn(`the connection could not be closed: ${describeError(error)}`);
    });
    const refusal = worker.refusal();
    if (refusal !== null) throw refusal;
    return report;
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}
