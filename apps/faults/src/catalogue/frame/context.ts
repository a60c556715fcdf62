import { join } from "node:path";
import { connect, type ConnectOptions, type Jobs } from "@waybill/core";
import { type Proxy, startProxy, type TestServer } from "@waybill/test-servers";
import { type DurableTarget, freshFolder, type Store } from "../../backends.ts";
import type { DefectName } from "../../defects/defects.ts";
import { type Program, type Running, type StartOptions, startWith } from "../../process.ts";
import { seeded } from "../../random.ts";

/** "full" is what is published; "cut" is what `npm test` runs: the same faults with smaller numbers. */
export type Size = "cut" | "full";

/** What a scenario is given: a backend, numbers, and processes that end with it. */
export interface FaultContext {
  readonly target: DurableTarget;
  readonly size: Size;
  /** Numbers from 0 up to 1, the same for the same seed. */
  readonly random: () => number;
  /** The first in the cut, the second in the full run. */
  pick<T>(cut: T, full: T): T;
  /** The server of the backend. Throws where it has none. */
  server(): Promise<TestServer>;
  freshStore(): Promise<Store>;
  /** A wire to the server that can be cut, and the store's URL by that wire. */
  wired(store: Store): Promise<{ readonly wire: Proxy; readonly url: string }>;
  /** The store's URL, with a ledger in a file beside its records where the backend keeps none. */
  withLedger(store: Store): string;
  started(program: Program, ...args: string[]): Running;
  startedWith(flags: readonly string[], program: Program, ...args: string[]): Running;
  /** With these variables in its environment. */
  startedUnder(variables: Readonly<Record<string, string>>, program: Program, ...args: string[]): Running;
  /** A connection without a log, closed with the scenario. */
  connected(url: string, options?: ConnectOptions): Promise<Jobs>;
  /** Runs after the scenario, also after one that threw; the last one first. */
  atEnd(cleanup: () => unknown): void;
}

export interface ContextSettings {
  readonly target: DurableTarget;
  readonly size: Size;
  readonly seed: number;
  readonly server: () => Promise<TestServer | null>;
  /** A fault of waybill itself, planted into the workers, to see that the scenario notices it. */
  readonly defect?: DefectName | undefined;
}

let stores = 0;

/** Returns the context of one run and what ends all that was started in it. */
export function createContext(settings: ContextSettings): { context: FaultContext; end: () => Promise<void> } {
  const { target, size, seed, defect } = settings;
  const cleanups: (() => unknown)[] = [];
  const env = defect === undefined ? {} : { WAYBILL_FAULTS_DEFECT: defect };

  async function server(): Promise<TestServer> {
    const found = await settings.server();
    if (found === null) throw new Error(`${target.name} has no server`);
    return found;
  }

  function startedBy(options: StartOptions, program: Program, ...args: string[]): Running {
    const running = startWith({ ...options, env: { ...env, ...options.env } }, program, ...args);
    cleanups.push(async () => {
      running.kill("SIGKILL");
      await running.ended;
    });
    return running;
  }

  const context: FaultContext = {
    target,
    size,
    random: seeded(seed),
    pick: (cut, full) => (size === "full" ? full : cut),
    server,
    async freshStore() {
      const { url = "" } = (await settings.server()) ?? {};
      const { folder, remove } = await freshFolder();
      cleanups.push(remove);
      // What a store leaves on a server of ours goes with the server.
      const name = `faults${process.pid}x${(stores += 1)}`;
      return { url: target.storeUrl(url, name, folder), folder, remove };
    },
    async wired(store) {
      const wire = await startProxy(await server());
      cleanups.push(() => wire.close());
      return { wire, url: wire.url(store.url) };
    },
    withLedger({ url, folder }) {
      if (target.keepsWorkerRegistry) return url;
      const ledger = encodeURIComponent(`sqlite:${join(folder, "ledger.db")}`);
      return `${url}${url.includes("?") ? "&" : "?"}ledger=${ledger}`;
    },
    started: (program, ...args) => context.startedWith([], program, ...args),
    startedWith: (flags, program, ...args) => startedBy({ flags }, program, ...args),
    startedUnder: (variables, program, ...args) => startedBy({ env: variables }, program, ...args),
    async connected(url, options = {}) {
      const jobs = await connect(url, { log: "off", ...options });
      cleanups.push(() => jobs.close());
      return jobs;
    },
    atEnd: (cleanup) => void cleanups.push(cleanup),
  };
  return {
    context,
    async end() {
      for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
    },
  };
}
