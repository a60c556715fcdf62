import { afterEach } from "vitest";
import { connect, type ConnectOptions, type EventName, type Jobs, type WaybillEvents } from "../../src/index.ts";
import type { Backend, BackendFactory } from "../../src/exports/backend.ts";
import { memoryBackend, type MemoryOptions } from "../../src/memory/index.ts";

const open: Jobs[] = [];

afterEach(async () => {
  for (const jobs of open.splice(0)) await jobs.close();
});

/** A connection, silent unless told otherwise, closed after the test. */
export async function connected(
  target: string | BackendFactory = "memory:",
  options: ConnectOptions = {},
): Promise<Jobs> {
  const jobs = await connect(target, { log: "off", ...options });
  open.push(jobs);
  return jobs;
}

/** The memory backend with some verbs replaced: a broker having a bad day. */
export function memoryWith(
  change: (backend: Backend) => Partial<Backend>,
  options: MemoryOptions = {},
): BackendFactory {
  const factory = memoryBackend(options);
  return async () => {
    const backend = await factory();
    return { ...backend, ...change(backend) };
  };
}

/** A test that waits longer than this fails, with a reason; well before the timeout of the test itself. */
const DEADLINE_MS = 8_000;

/** Settles as `promise` does, or rejects after 8 s with what `missing` returns. May be left unawaited. */
export function soon<T>(promise: Promise<T>, missing: () => string): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`${missing()}, within ${DEADLINE_MS} ms`)), DEADLINE_MS).unref();
    const clear = (): void => clearTimeout(timer);
    promise.then(clear, clear);
  });
  const either = Promise.race([promise, late]);
  either.catch(() => undefined);
  return either;
}

/** Resolves with the first event of that name for which `test` holds. Rejects after 8 s with the events there were instead. */
export function eventOf<N extends EventName>(
  jobs: Jobs,
  name: N,
  test: (event: WaybillEvents[N]) => boolean = () => true,
): Promise<WaybillEvents[N] & { readonly at: number }> {
  const others: WaybillEvents[N][] = [];
  const first = new Promise<WaybillEvents[N] & { readonly at: number }>((resolve) => {
    const off = jobs.events.on(name, (event) => {
      if (!test(event)) return void others.push(event);
      off();
      resolve(event);
      return undefined;
    });
  });
  return soon(first, () => `no "${name}" event that the test waits for, but ${others.length} others: ${last(others)}`);
}

/** The last three, for the reason why a test failed. */
function last(events: readonly object[]): string {
  return JSON.stringify(events.slice(-3));
}

/** Resolves after `count` settled jobs. Rejects after 8 s with how many there were. */
export function settledCount(jobs: Jobs, count: number): Promise<void> {
  let seen = 0;
  const all = new Promise<void>((resolve) => {
    const off = jobs.events.on("settled", () => {
      seen += 1;
      if (seen < count) return;
      off();
      resolve();
    });
  });
  return soon(all, () => `${seen} of ${count} jobs were settled`);
}
