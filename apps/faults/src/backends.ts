import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
}

async function freshFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "waybill-faults-"));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Every backend the scenarios run on. */
export const targets: readonly FaultTarget[] = [
  {
    name: "sqlite",
    async fresh() {
      const { folder, remove } = await freshFolder();
      return { url: `sqlite:${join(folder, "waybill.db")}`, folder, remove };
    },
  },
];
