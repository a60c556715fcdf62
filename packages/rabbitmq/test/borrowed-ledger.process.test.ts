import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectOptions, type Jobs } from "@waybill/core";
import { enqueueUnique, featuresWithoutLedger, runLimitedAndScheduled } from "@waybill/test-servers/features";
import { expect, onTestFinished, test } from "vitest";
import { freshStore } from "./fixture.ts";

/** Connects twice to a store of its own. */
async function connected(options: ConnectOptions = {}): Promise<[Jobs, Jobs]> {
  const { url, remove } = await freshStore({}, { queues: ["default", "mail"] });
  const both: [Jobs, Jobs] = [
    await connect(url, { log: "off", ...options }),
    await connect(url, { log: "off", ...options }),
  ];
  onTestFinished(async () => {
    for (const jobs of both) await jobs.close();
    await remove();
  });
  return both;
}

test("schedules, limits and unique keys are kept in a borrowed ledger", async () => {
  const ledger = `sqlite:${join(mkdtempSync(join(tmpdir(), "ledger-")), "ledger.db")}`;
  const both = await connected({ ledger });
  expect((await runLimitedAndScheduled(both, 8)).doubles).toEqual([]);
  const { first, refusal, last } = await enqueueUnique(both);
  expect(refusal).toMatchObject({ code: "DUPLICATE_JOB", duplicateOf: first.id });
  expect(last).toMatchObject({ stored: true });
});

test("without a ledger, what needs one is refused, and the error says to give one", async () => {
  const [jobs] = await connected();
  const refused = { code: "CAPABILITY_MISSING", message: expect.stringContaining("ledger") };
  expect(await featuresWithoutLedger(jobs)).toMatchObject({
    limits: refused,
    unique: refused,
    control: refused,
    schedules: refused,
  });
});
