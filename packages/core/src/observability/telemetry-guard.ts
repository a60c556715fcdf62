import type { Processing, Sending, Telemetry } from "./telemetry.ts";
import { describeError } from "../values/thrown.ts";
import { warn } from "../values/warn.ts";

/** One guard for each telemetry, so that one shared by a producer and workers is warned about once. */
const guards = new WeakMap<Telemetry, Telemetry>();
const NOTHING_SENT: Sending = { trace: null, end() {} };

/**
 * Wraps a telemetry so that it never throws and never changes how the work within it ends. The first error becomes a process
 * warning.
 */
export function guarded(telemetry: Telemetry): Telemetry {
  const before = guards.get(telemetry);
  if (before !== undefined) return before;
  let hasWarned = false;

  function quietly<T>(call: () => T): T | null {
    try {
      return call();
    } catch (thrown) {
      if (!hasWarned) warn(`telemetry threw: ${describeError(thrown)}; jobs go on without it`);
      hasWarned = true;
      return null;
    }
  }

  function within<T>(processing: Processing | null, work: () => T): T {
    const ended = once(() => endOf(work));
    quietly(() => processing?.within(ended));
    return ended()();
  }

  const guard: Telemetry = {
    send(job) {
      const sending = quietly(() => telemetry.send(job)) ?? NOTHING_SENT;
      return { trace: quietly(() => sending.trace), end: (result) => void quietly(() => sending.end(result)) };
    },
    process(delivery) {
      const processing = quietly(() => telemetry.process(delivery));
      return {
        within: (work) => within(processing, work),
        end: (outcome) => void quietly(() => processing?.end(outcome)),
      };
    },
    settled: (settling) => void quietly(() => telemetry.settled(settling)),
    listen: (events) => void quietly(() => telemetry.listen?.(events)),
  };
  guards.set(telemetry, guard);
  guards.set(guard, guard);
  return guard;
}

/** Calls `work` and returns a function that returns or throws the same. */
function endOf<T>(work: () => T): () => T {
  try {
    const value = work();
    return () => value;
  } catch (thrown) {
    return () => {
      throw thrown;
    };
  }
}

/** Returns a function that calls `make` when first called and returns that value each time. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
