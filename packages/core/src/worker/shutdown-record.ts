import { lineOf } from "../observability/log.ts";
import type { ShutdownReport } from "../observability/events.ts";
import { openShutdownFile } from "../observability/shutdown-file.ts";
import { wallMs } from "../time/clock.ts";
import { errorRecord } from "../values/error-record.ts";
import { placeOf } from "../values/place.ts";

/** Writes to the local file how a worker ended. */
export interface ShutdownRecord {
  /** Watches from now on for an end of the process before the worker has stopped. */
  watch(): void;
  /** Writes the summary of the shutdown. The watch ends. */
  stopped(report: ShutdownReport): void;
}

const NONE: ShutdownRecord = { watch: () => {}, stopped: () => {} };

/**
 * Opens the file of `shutdownFile`; without one nothing is written. A process that ends by `process.exit` or an uncaught error
 * leaves a line "fatal"; one that ends by SIGKILL or a full heap leaves none. Throws `CONFIG_INVALID` for a file that cannot be opened.
 */
export function shutdownRecord(path: string | undefined, worker: string, running: () => number): ShutdownRecord {
  if (path === undefined) return NONE;
  const file = openShutdownFile(path);
  let thrown: { readonly error: unknown } | null = null;
  const onError = (error: unknown): void => void (thrown = { error });
  const onExit = (code: number): void => {
    const error = thrown === null ? {} : { error: errorRecord(thrown.error) };
    const at = new Date(wallMs()).toISOString();
    const message = `the process ended with exit code ${code} before its worker had stopped`;
    file.write({
      at,
      level: "error",
      event: "fatal",
      ...placeOf(process.env),
      worker,
      running: running(),
      message,
      ...error,
    });
  };
  return {
    watch() {
      process.on("uncaughtExceptionMonitor", onError).on("exit", onExit);
    },
    stopped(report) {
      process.off("uncaughtExceptionMonitor", onError).off("exit", onExit);
      file.write(lineOf("stopped", { ...report, at: wallMs() }, placeOf(process.env)));
    },
  };
}
