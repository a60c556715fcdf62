import { runBackendContract } from "@waybill/backend-contract";
import { serviceUrl } from "@waybill/test-servers";
import { describe, test } from "vitest";
import { postgresBackend } from "../src/index.ts";
import { context, dropSchema, freshSchema } from "./database.ts";

for (const [name, service] of [
  ["on a server", "postgres"],
  ["through PgBouncer in transaction mode", "pgbouncer"],
] as const) {
  describe(`the backend contract, ${name}`, () => {
    runBackendContract(test, {
      async fresh() {
        const schema = freshSchema();
        const url = await serviceUrl(service);
        const factory = postgresBackend({ url, schema });
        return { open: () => factory(context), remove: () => dropSchema(schema, url) };
      },
    });
  });
}
