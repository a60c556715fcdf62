import { runBackendContract } from "@waybill/backend-contract";
import { serviceUrl } from "@waybill/test-servers";
import { describe, test } from "vitest";
import { postgresBackend } from "../src/index.ts";
import { dropSchema, freshSchema, sqlAt } from "./database.ts";

for (const [name, service] of [
  ["on a server", "postgres"],
  ["through PgBouncer in transaction mode", "pgbouncer"],
] as const) {
  describe(`the backend contract, ${name}`, { concurrent: true }, () => {
    runBackendContract(test, {
      async fresh() {
        const schema = freshSchema();
        const url = await serviceUrl(service);
        const factory = postgresBackend({ url, schema });
        const insert = `INSERT INTO "${schema}".inbox (id, envelope) VALUES ($1, $2)`;
        return {
          open: factory,
          arrive: ({ id, body }) => sqlAt(url, insert, [id, body]),
          remove: () => dropSchema(schema, url),
        };
      },
    });
  });
}
