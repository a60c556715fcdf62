import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { serviceUrl } from "@waybill/test-servers";
import { expect, test } from "vitest";
import { freshSchema } from "../database.ts";

test("a pool that was handed in fails in every way: the process survives, ends in order and leaves no listener", async () => {
  const program = fileURLToPath(new URL("../children/handed-in.ts", import.meta.url));
  const args = ["--conditions=waybill-source", program, await serviceUrl("postgres"), freshSchema()];
  // Rejects with what the process wrote if it ends with another code than 0.
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  expect(JSON.parse(stdout)).toEqual(
    [
      "throws at once",
      "rejects with nothing",
      "returns no result",
      "never settles",
      "emits an error",
      "loses its connections",
      "is ended by its owner",
    ].map((moment) => ({ moment, strange: [], listeners: 0 })),
  );
});
