import type { ShutdownReport } from "./events.ts";
import { describeError } from "./thrown.ts";
import { warn } from "./warn.ts";

/** What a process needs of a worker in order to end well. */
export interface Stoppable {
  start(): Promise<void>;
  stop(reason: string): Promise<ShutdownReport>;
  /** Resolves once it has stopped, whoever asked for it. */
  readonly stopped: Promise<ShutdownReport>;
  /** Why it stopped by itself where it cannot work as the program is set up; null otherwise. */
  readonly refusal: () => Error | null;
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Runs until a signal asks for the end: the first drains, a second shortens the wait, a third ends the process. */
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
      warn(`the connection did not close well: ${describeError(error)}`);
    });
    const refusal = worker.refusal();
    if (refusal !== null) throw refusal;
    return report;
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}
