import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectOptions, type Jobs } from "@waybill/core";
import { enqueueUnique, featuresWithoutLedger, runLimitedAndScheduled } from "@waybill/test-servers/features";
import { expect, onTestFinished, test, vi } from "vitest";
import { credentials, freshPrefix, region, useEmulator } from "./fixture.ts";

const emulator = useEmulator();

vi.stubEnv("AWS_ACCESS_KEY_ID", credentials.accessKeyId);
vi.stubEnv("AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey);

/** Connects twice to queues of its own. */
async function connected(options: ConnectOptions = {}): Promise<[Jobs, Jobs]> {
  const url = `sqs://${region}/${freshPrefix()}?endpoint=${encodeURIComponent(emulator.endpoint)}`;
  const both: [Jobs, Jobs] = [
    await connect(url, { log: "off", ...options }),
    await connect(url, { log: "off", ...options }),
  ];
  onTestFinished(async () => {
    for (const jobs of both) await jobs.close();
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
