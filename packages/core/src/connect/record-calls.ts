import type { Seam } from "../backend/seam.ts";
import type { ConnectionRecords } from "../features/records/connection-records.ts";
import type { Records, Watch } from "../features/records/records-api.ts";

/** The calls that read records. Their code is loaded by the first of them. */
export function createRecordReaders(
  { records: store, backend }: Pick<Seam, "records" | "backend">,
  writer: ConnectionRecords | null,
): { readonly records: Records; readonly watch: Watch } {
  const buffer = writer?.buffer ?? null;
  const load = async (): Promise<Records & { readonly watch: Watch }> =>
    (await import("../features/records/read-records.ts")).createRecordCalls({
      store,
      address: backend.address,
      buffer,
    });
  return {
    records: {
      get: async (id) => (await load()).get(id),
      find: async (query) => (await load()).find(query),
    },
    async *watch(id, options) {
      yield* (await load()).watch(id, options);
    },
  };
}
