import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BackendFactory } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { fromUrl } from "@waybill/sqlite";

/** A store of its own for one scenario, reachable from any process by its URL. */
export interface Store {
  readonly url: string;
  /** A folder that goes with the store: scenarios keep their records there. */
  readonly folder: string;
  remove(): Promise<void>;
}

export interface FaultTarget {
  readonly name: string;
  fresh(): Promise<Store>;
  /** What `connect` would open for the store's URL, for scenarios that look over a backend's shoulder. */
  factory(store: Store): BackendFactory;
}

async function freshFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "waybill-faults-"));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** For scenarios that need no second process. */
export const inProcess: FaultTarget = {
  name: "memory",
  fresh: async () => ({ url: "memory:", ...(await freshFolder()) }),
  factory: () => memoryBackend(),
};

/** Every backend that outlives a process: all scenarios run on each. */
export const targets: readonly FaultTarget[] = [
  {
    name: "sqlite",
    async fresh() {
      const { folder, remove } = await freshFolder();
      return { url: `sqlite:${join(folder, "waybill.db")}`, folder, remove };
    },
    factory: ({ url }) => fromUrl(url),
  },
];
