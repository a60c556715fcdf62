const SIGNALS = ["SIGTERM", "SIGINT"] as const;
const CHECK_AFTER_MS = 1_000;

/**
 * Warns if the process has no listener for SIGTERM one second after the start: it would end without draining, and its jobs
 * would wait until their leases expire. Waits because Nest's hooks may be enabled after the start. Returns a function that
 * cancels the check.
 */
export function warnWithoutShutdownHooks(): () => void {
  const timer = setTimeout(() => {
    if (process.listenerCount("SIGTERM") > 0) return;
    process.emitWarning(
      "shutdown hooks are off, so SIGTERM ends this process without draining its jobs; call app.enableShutdownHooks()",
      "WaybillWarning",
    );
  }, CHECK_AFTER_MS);
  timer.unref();
  return () => clearTimeout(timer);
}

/** Waits for `work`. Meanwhile one more signal calls `force`, and the next one ends the process with exit code 1. */
export async function forceOnSecondSignal(work: Promise<unknown>, force: () => void): Promise<void> {
  let signals = 0;
  const onSignal = (): void => {
    signals += 1;
    if (signals > 1) process.exit(1);
    force();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  await work.finally(() => SIGNALS.forEach((signal) => process.off(signal, onSignal)));
}
