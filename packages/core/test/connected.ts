import { afterEach } from "vitest";
import { connect, type ConnectOptions, type EventName, type Jobs, type WaybillEvents } from "../src/index.ts";
import type { Backend, BackendFactory } from "../src/exports/backend.ts";
import { memoryBackend, type MemoryOptions } from "../src/memory/index.ts";

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

/** Resolves with the first event of that name for which `test` holds. */
export function eventOf<N extends EventName>(
  jobs: Jobs,
  name: N,
  test: (event: WaybillEvents[N]) => boolean = () => true,
): Promise<WaybillEvents[N] & { readonly at: number }> {
  return new Promise((resolve) => {
    const off = jobs.events.on(name, (event) => {
      if (!test(event)) return;
      off();
      resolve(event);
    });
  });
}

/** Resolves after `count` settled jobs. */
export function settledCount(jobs: Jobs, count: number): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    const off = jobs.events.on("settled", () => {
      seen += 1;
      if (seen < count) return;
      off();
      resolve();
    });
  });
}
