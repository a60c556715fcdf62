import type { Announced, WorkerRegistry } from "@waybill/core/backend";
import { always, type Defect, type Spoil } from "./planted.ts";

/** Replaces part of the worker registry. */
const workerRegistries = (spoil: (good: WorkerRegistry) => Partial<WorkerRegistry>): (() => Spoil) =>
  always(({ workerRegistry }) => ({ workerRegistry: { ...workerRegistry, ...spoil(workerRegistry) } }));

/** Changes the list that is returned. */
const lists = (change: (workers: Announced[]) => Announced[]): (() => Spoil) =>
  workerRegistries((good) => ({ list: async () => change(await good.list()) }));

export const workerRegistryDefects: readonly Defect[] = [
  {
    defect: "facts are trimmed",
    seenBy: "an announced worker is listed with its facts, unread and unchanged",
    plant: lists((workers) => workers.map((worker) => ({ ...worker, facts: worker.facts.trim() }))),
  },
  {
    defect: "a row that is there keeps its facts",
    seenBy: "a worker announced again is there once, with its latest facts",
    plant: workerRegistries((good) => ({
      async announce(id, facts, ttlMs) {
        const known = (await good.list()).find((worker) => worker.id === id);
        return good.announce(id, known?.facts ?? facts, ttlMs);
      },
    })),
  },
  {
    defect: "workers are listed in the order of a hash",
    seenBy: "workers are listed by id",
    plant: lists((workers) => workers.toReversed()),
  },
  {
    defect: "a withdrawal empties the table",
    seenBy: "a withdrawn worker is not listed, and the others are",
    plant: workerRegistries((good) => ({
      async withdraw(id) {
        await good.withdraw(id);
        for (const worker of await good.list()) await good.withdraw(worker.id);
      },
    })),
  },
  {
    defect: "a withdrawal that changed no row is an error",
    seenBy: "a withdrawal of a worker that is not listed does nothing",
    plant: workerRegistries((good) => ({
      async withdraw(id) {
        const isKnown = (await good.list()).some((worker) => worker.id === id);
        if (!isKnown) throw new Error("no such row");
        return good.withdraw(id);
      },
    })),
  },
  {
    defect: "each connection keeps a list of its own",
    seenBy: "every connection lists the workers of all",
    plant: always(({ workerRegistry }) => {
      const mine = new Set<string>();
      return {
        workerRegistry: {
          ...workerRegistry,
          announce(id, facts, ttlMs) {
            mine.add(id);
            return workerRegistry.announce(id, facts, ttlMs);
          },
          list: async () => (await workerRegistry.list()).filter(({ id }) => mine.has(id)),
        },
      };
    }),
  },
  {
    defect: "no call checks how long a worker has been silent",
    seenBy: "a worker that stays silent is listed until its time is up, and not after",
    plant: workerRegistries((good) => ({ announce: (id, facts) => good.announce(id, facts, Infinity) })),
  },
  {
    defect: "a worker that is known is given no more time",
    seenBy: "a worker heard again is listed past its first time",
    plant: always(({ workerRegistry }) => {
      const ttls = new Map<string, number>();
      return {
        workerRegistry: {
          ...workerRegistry,
          announce(id, facts, ttlMs) {
            ttls.set(id, ttls.get(id) ?? ttlMs);
            return workerRegistry.announce(id, facts, ttls.get(id) ?? ttlMs);
          },
        },
      };
    }),
  },
  {
    defect: "heardMs is in seconds",
    seenBy: "heardMs is how long ago a worker was heard last",
    plant: lists((workers) => workers.map((worker) => ({ ...worker, heardMs: worker.heardMs / 1_000 }))),
  },
  {
    defect: "a list after close is an empty one",
    seenBy: "the worker registry of a closed connection rejects BACKEND_CLOSED",
    plant: workerRegistries((good) => ({ list: () => good.list().catch(() => []) })),
  },
];
