import { runBackendContract } from "@waybill/backend-contract";
import { describe, expect, test } from "vitest";
import { mapBackend } from "./minimal-backend.ts";
import { read } from "./workspace.ts";

describe("the backend that CONTRIBUTING shows", () => {
  runBackendContract(test, { fresh: async () => ({ open: mapBackend() }) });

  test("is the file that the suite just ran", () => {
    const shown = /```ts\n\/\/ map-backend\.ts\n(import \{ setTimeout as sleep \}[\s\S]*?)```/.exec(
      read("CONTRIBUTING.md"),
    )?.[1];
    expect(shown).toBe(read("test/minimal-backend.ts"));
  });

  test("is sixty lines without imports, blank lines and comments", () => {
    const lines = read("test/minimal-backend.ts").split("\n");
    expect(lines.filter((line) => !/^\s*($|\/\/|\/\*\*|import )/.test(line)).length).toBeLessThanOrEqual(60);
  });
});
