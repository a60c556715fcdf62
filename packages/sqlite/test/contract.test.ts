import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { runBackendContract } from "@waybill/backend-contract";
import { describe, test } from "vitest";
import { sqliteBackend } from "../src/index.ts";

describe("the backend contract, on a file", () => {
  runBackendContract(test, {
    async fresh() {
      const folder = mkdtempSync(join(tmpdir(), "waybill-contract-"));
      const path = join(folder, "waybill.db");
      const factory = sqliteBackend({ path });
      return {
        open: factory,
        async arrive({ id, body }) {
          const db = new DatabaseSync(path);
          db.prepare("INSERT INTO waybill_inbox (id, envelope) VALUES (?, ?)").run(id, body);
          db.close();
        },
        remove: async () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  });
});
