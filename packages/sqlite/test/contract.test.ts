import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBackendContract } from "@waybill/backend-contract";
import { describe, test } from "vitest";
import { sqliteBackend } from "../src/index.ts";
import { context } from "./temporary-file.ts";

describe("the backend contract, on a file", () => {
  runBackendContract(test, {
    async fresh() {
      const folder = mkdtempSync(join(tmpdir(), "waybill-contract-"));
      const factory = sqliteBackend({ path: join(folder, "waybill.db") });
      return {
        open: () => factory(context),
        remove: async () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  });
});
