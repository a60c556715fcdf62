import type { TestServer } from "@waybill/test-servers";
import type { DurableTarget } from "../backends.ts";
import type { Scenario } from "./frame/scenario.ts";

/** A server for the time of one cell. */
export interface Lent {
  /** Null where the backend has none. Started at the first call. */
  readonly server: () => Promise<TestServer | null>;
  /** Keeps the server for the next cell, unless it may be broken: `isSound` false stops it, where others do not use it. */
  readonly giveBack: (isSound: boolean) => Promise<void>;
}

export interface Servers {
  lend(target: DurableTarget, kind: Scenario["server"]): Lent;
  /** Stops all. */
  stop(): Promise<void>;
}

/**
 * Starts servers: one for all scenarios that only use it, and further ones for those that disturb it, one scenario at a time. A
 * disturbed one that is sound again serves the next such scenario, which has a store of its own there: RabbitMQ takes seconds to start.
 */
export function createServers(): Servers {
  const shared = new Map<DurableTarget, Promise<TestServer>>();
  const idle: { readonly target: DurableTarget; readonly server: TestServer }[] = [];

  function sharedBy(target: DurableTarget): Promise<TestServer | null> {
    const running = shared.get(target) ?? target.startServer?.();
    if (running === undefined) return Promise.resolve(null);
    shared.set(target, running);
    return running;
  }

  async function ownOf(target: DurableTarget): Promise<TestServer | null> {
    const at = idle.findIndex((one) => one.target === target);
    return idle.splice(at, at === -1 ? 0 : 1)[0]?.server ?? target.startServer?.() ?? null;
  }

  return {
    lend(target, kind) {
      if (kind === "shared") return { server: () => sharedBy(target), giveBack: async () => {} };
      let own: Promise<TestServer | null> | null = null;
      return {
        server: () => (own ??= ownOf(target)),
        async giveBack(isSound) {
          const server = await own;
          if (server !== null && isSound) idle.push({ target, server });
          else await server?.stop();
        },
      };
    },
    async stop() {
      for (const server of shared.values()) await (await server).stop();
      for (const { server } of idle.splice(0)) await server.stop();
      shared.clear();
    },
  };
}
