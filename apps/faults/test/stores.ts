import { join } from "node:path";
import { startProxy, type Proxy, type TestServer } from "@waybill/test-servers";
import { afterAll, afterEach } from "vitest";
import { type FaultTarget, freshFolder, type Store } from "../src/backends.ts";
import { type Running, start } from "../src/process.ts";

const servers = new Map<FaultTarget, Promise<TestServer>>();
const stores: Store[] = [];
const shared = new Map<FaultTarget, Promise<Store>>();
const processes: Running[] = [];
const wires: Proxy[] = [];
let count = 0;

afterEach(async () => {
  for (const running of processes) running.kill("SIGKILL");
  await Promise.all(processes.splice(0).map(({ ended }) => ended));
  for (const store of stores.splice(0)) await store.remove();
  for (const wire of wires.splice(0)) await wire.close();
});

afterAll(async () => {
  for (const store of shared.values()) await (await store).remove();
  for (const server of servers.values()) await (await server).stop();
});

/** The server of a target, started at the first question of a test file and ended with it. Null where there is none. */
export async function serverOf(target: FaultTarget): Promise<TestServer | null> {
  if (target.startServer === null) return null;
  const server = servers.get(target) ?? target.startServer();
  servers.set(target, server);
  return server;
}

/** A store that is removed after the test, once every process started in it has gone. */
export async function freshStore(target: FaultTarget): Promise<Store> {
  const store = await makeStore(target);
  stores.push(store);
  return store;
}

/** One store for all tests of a file, each on a queue of its own: a broker takes its time to lay one out. */
export function sharedStore(target: FaultTarget): Promise<Store> {
  const store = shared.get(target) ?? makeStore(target);
  shared.set(target, store);
  return store;
}

/** What a store leaves on a server of ours goes with the server. */
async function makeStore(target: FaultTarget): Promise<Store> {
  const server = await serverOf(target);
  const { folder, remove } = await freshFolder();
  return { url: target.storeUrl(server?.url ?? "", `faults${(count += 1)}`, folder), folder, remove };
}

/** A wire to the target's server, and the store's URL by that wire. */
export async function wired(target: FaultTarget, store: Store): Promise<{ wire: Proxy; url: string }> {
  const server = await serverOf(target);
  if (server === null) throw new Error(`${target.name} has no server to be cut off from`);
  const wire = await startProxy(server);
  wires.push(wire);
  return { wire, url: wire.url(store.url) };
}

export function started(...args: Parameters<typeof start>): Running {
  const running = start(...args);
  processes.push(running);
  return running;
}

/** The URL of a store, with a ledger in a file beside its records where the backend keeps none. */
export function urlWithLedger({ name }: FaultTarget, { url, folder }: Store): string {
  if (name !== "sqs" && name !== "rabbitmq") return url;
  const ledger = encodeURIComponent(`sqlite:${join(folder, "ledger.db")}`);
  return `${url}${url.includes("?") ? "&" : "?"}ledger=${ledger}`;
}
