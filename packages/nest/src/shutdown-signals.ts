const SIGNALS = ["SIGTERM", "SIGINT"] as const;
const LOOK_AFTER_MS = 1_000;

/**
 * Warns if nobody in the process hears SIGTERM a second after the start: it would end without draining, and its jobs
 * would wait for their leases to run out. Nest's hooks may be switched on after the start. Answers the function that
 * stops looking.
 */
export function warnOfDeafness(): () => void {
  const timer = setTimeout(() => {
    if (process.listenerCount("SIGTERM") > 0) return;
    process.emitWarning(
      "shutdown hooks are off, so that SIGTERM ends this process amid its jobs; call app.enableShutdownHooks()",
      "WaybillWarning",
    );
  }, LOOK_AFTER_MS);
  timer.unref();
  return () => clearTimeout(timer);
}

/** While `work` takes its time: one more signal hurries it, the next ends the process. */
export async function hurriedBySignals(work: Promise<unknown>, hurry: () => void): Promise<void> {
  let asked = 0;
  const onSignal = (): void => {
    asked += 1;
    if (asked > 1) process.exit(1);
    hurry();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  await work.finally(() => SIGNALS.forEach((signal) => process.off(signal, onSignal)));
}
