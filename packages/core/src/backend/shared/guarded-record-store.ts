import { WaybillError } from "../../errors.ts";
import type { RecordStore } from "../record-store.ts";

const MOST = 1_000;

/**
 * Returns the record store of a connection. `assertOpen` throws `BACKEND_CLOSED` once the connection is closed. `store` gets no empty
 * list, and changes in the order of their ids, so that two writes never wait for each other. Never throws.
 */
export function guardedRecordStore(assertOpen: () => void, store: RecordStore): RecordStore {
  return {
    async write(changes) {
      assertOpen();
      assertLimit("write", changes.length, 0);
      if (changes.length === 0) return;
      await store.write(changes.toSorted((one, other) => (one.id < other.id ? -1 : 1)));
    },
    async get(id) {
      assertOpen();
      return store.get(id);
    },
    async find(range) {
      assertOpen();
      assertLimit("find", range.limit, 1);
      return store.find(range);
    },
    async prune(pruning) {
      assertOpen();
      assertLimit("prune", pruning.limit, 1);
      return store.prune(pruning);
    },
    ...(store.writers !== undefined && { writers: store.writers }),
    ...(store.indexTexts && {
      async indexTexts() {
        assertOpen();
        await store.indexTexts?.();
      },
    }),
  };
}

function assertLimit(call: string, count: number, least: number): void {
  if (Number.isSafeInteger(count) && count >= least && count <= MOST) return;
  throw new WaybillError("CONFIG_INVALID", `${call} of a record store takes ${least} to ${MOST} records, not ${count}`);
}
