import type { RecordStore } from "@waybill/core/backend";
import type { Database } from "../connection/database.ts";
import type { Query } from "../connection/query.ts";
import { createRecordSearch } from "./find-records.ts";
import { COLUMNS, recordOf, type RecordRow } from "./record-rows.ts";
import { createRecordWriter } from "./write-records.ts";
import { createRecordRetention } from "./retention.ts";
import { makeTextIndex } from "./text-index.ts";

/** A second write at once needs a connection of its own, beside one for jobs and the one that listens. */
const ENOUGH_CONNECTIONS = 4;

/** What a record store needs of its connection. `connections`: the most that this process opens. */
interface RecordConnection {
  readonly query: Query;
  readonly database: Pick<Database, "transactAtLength">;
  readonly schema: string;
  readonly connections: number;
}

/** Keeps the records of one scope in the table `records`. `query` rejects once the backend is closed. Call it through `guardedRecordStore`. */
export function createRecordStore(
  { query, database, schema, connections }: RecordConnection,
  scope: string,
): RecordStore {
  const write = createRecordWriter(query, schema, scope);
  const get = `SELECT ${COLUMNS} FROM "${schema}".records WHERE scope = $1::text AND id = $2::text`;

  return {
    // Most of a write is work of the server, which has one process for each connection.
    writers: connections < ENOUGH_CONNECTIONS ? 1 : 2,
    write,
    async get(id) {
      const [row] = (await query(get, [scope, id])) as RecordRow[];
      return row === undefined ? null : recordOf(row);
    },
    find: createRecordSearch(query, schema, scope),
    prune: createRecordRetention(query, schema, scope),
    indexTexts: () => makeTextIndex(database, schema),
  };
}
