import type { Processing, Sending, Telemetry } from "./telemetry.ts";
import { describeError } from "./thrown.ts";
import { warn } from "./warn.ts";

/** One for each, so that a telemetry used by a producer and by workers is told of once. */
const guards = new WeakMap<Telemetry, Telemetry>();
const NOTHING_SENT: Sending = { trace: null, end() {} };

/** The same, but it never throws, and what runs within it ends as it would without: it is told of, once. */
export function guarded(telemetry: Telemetry): Telemetry {
  const before = guards.get(telemetry);
  if (before !== undefined) return before;
  let told = false;

  function quietly<T>(call: () => T): T | null {
    try {
      return call();
    } catch (thrown) {
      if (!told) warn(`telemetry threw: ${describeError(thrown)}; jobs go on without it`);
      told = true;
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
  };
  guards.set(telemetry, guard);
  guards.set(guard, guard);
  return guard;
}

/** Calls `work`, and answers how it ended: a function that returns or throws the same. */
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

/** What `make` makes, made when first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
