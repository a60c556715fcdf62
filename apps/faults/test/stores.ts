import { afterEach } from "vitest";
import type { FaultTarget, Store } from "../src/backends.ts";
import { type Running, start } from "../src/process.ts";

const stores: Store[] = [];
const processes: Running[] = [];

afterEach(async () => {
  for (const running of processes) running.kill("SIGKILL");
  await Promise.all(processes.splice(0).map(({ ended }) => ended));
  for (const store of stores.splice(0)) await store.remove();
});

/** A store that is removed after the test, once every process started in it has gone. */
export async function freshStore(target: FaultTarget): Promise<Store> {
  const store = await target.fresh();
  stores.push(store);
  return store;
}

export function started(...args: Parameters<typeof start>): Running {
  const running = start(...args);
  processes.push(running);
  return running;
}
