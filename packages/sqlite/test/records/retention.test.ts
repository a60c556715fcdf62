import { pruneUnderLoad } from "@waybill/test-servers/features";
import { expect, test } from "vitest";
import { open, temporaryFile } from "../temporary-file.ts";

test("retention keeps the number of records bounded while others are written", async () => {
  const backend = await open({ path: temporaryFile() });
  const { highest, last } = await pruneUnderLoad(backend.recordStore(""));
  // 300 may stay, and each step writes 200, of which its own pruning may see none.
  expect(highest).toBeLessThanOrEqual(700);
  expect(last).toBe(300);
}, 60_000);
