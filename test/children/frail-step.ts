import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineJob } from "@waybill/core";
import { z } from "zod";

/** Fails while its folder has no file `mended`. Writes down each run. */
export const frailStep = defineJob({
  type: "step.frail",
  payload: z.object({ folder: z.string(), name: z.string() }),
  retry: { maxAttempts: 1 },
  handler({ folder, name }) {
    appendFileSync(join(folder, "ran"), `${name}\n`);
    if (!existsSync(join(folder, "mended"))) throw new Error("it fails");
  },
});

/** The names of those that ran, in order. */
export const ranIn = (folder: string): string[] => readFileSync(join(folder, "ran"), "utf8").trim().split("\n");
