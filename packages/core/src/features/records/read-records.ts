import type { RecordStore } from "../../backend/record-store.ts";
import { assertKnownOptions } from "../../known-options.ts";
import { assertId } from "../control/refusals.ts";
import { keepsNone } from "./connection-records.ts";
import { isEnded, type JobRecord, jobRecordOf } from "./job-record.ts";
import type { RecordBuffer } from "./record-buffer.ts";
import { judgedRecordQuery } from "./record-query.ts";
import type { Records, Watch } from "./records-api.ts";

export interface ReadingSettings {
  /** Null where the backend keeps no records. */
  readonly store: RecordStore | null;
  readonly address: string;
  /** What this connection writes itself, which its readers see at once. Null: it writes none. */
  readonly buffer: Pick<RecordBuffer, "flush" | "onWritten"> | null;
}

const LOOK_EVERY_MS = 500;

export function createRecordCalls({ store, address, buffer }: ReadingSettings): Records & { readonly watch: Watch } {
  function opened(): RecordStore {
    if (store === null) throw keepsNone(address);
    return store;
  }

  async function get(id: string): Promise<JobRecord | null> {
    assertId(id, "records.get");
    await buffer?.flush();
    const found = await opened().get(id);
    return found && jobRecordOf(found);
  }

  return {
    get,
    async find(query = {}) {
      const range = judgedRecordQuery(query);
      await buffer?.flush();
      const { records, next, asOf } = await opened().find(range);
      return { records: records.map(jobRecordOf), next, asOf };
    },
    async *watch(id, options = {}) {
      assertKnownOptions(options, { signal: true }, "the options of watch");
      const { signal } = options;
      const isOver = (): boolean => signal?.aborted === true;
      for (let shown = ""; !isOver();) {
        const record = await get(id);
        const text = JSON.stringify(record);
        if (record !== null && text !== shown) yield record;
        if (record !== null && isEnded(record.state)) return;
        shown = text;
        await nextLook(buffer, signal);
      }
    },
  };
}

/** Resolves when this connection has written something, when `signal` is aborted, and after half a second at the latest. */
function nextLook(buffer: ReadingSettings["buffer"], signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      unhear?.();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, LOOK_EVERY_MS);
    const unhear = buffer?.onWritten(end);
    signal?.addEventListener("abort", end);
    if (signal?.aborted === true) end();
  });
}
