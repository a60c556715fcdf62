import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@waybill/core";
import { listByRecords } from "@waybill/test-servers/features";
import { expect, onTestFinished, test, vi } from "vitest";
import { credentials, freshPrefix, region, useEmulator } from "./fixture.ts";

const emulator = useEmulator();

vi.stubEnv("AWS_ACCESS_KEY_ID", credentials.accessKeyId);
vi.stubEnv("AWS_SECRET_ACCESS_KEY", credentials.secretAccessKey);

test("jobs.list and jobs.find read the jobs of a queue that cannot be listed from records, with their freshness", async () => {
  const folder = mkdtempSync(join(tmpdir(), "records-"));
  const url = `sqs://${region}/${freshPrefix()}?endpoint=${encodeURIComponent(emulator.endpoint)}`;
  const ledger = `sqlite:${join(folder, "ledger.db")}`;
  const jobs = await connect(url, { log: "off", ledger, records: "7d" });
  onTestFinished(async () => {
    await jobs.close();
    rmSync(folder, { recursive: true });
  });
  const { since, waiting, running, other, ended } = await listByRecords(jobs);
  const job = { type: "photo.resize", queue: "default", body: '{"photo":"a.jpg"}' };
  expect(waiting.jobs).toMatchObject([{ ...job, state: "ready" }]);
  expect(waiting.asOf).toBeGreaterThanOrEqual(since);
  expect(running.jobs).toMatchObject([{ ...job, state: "leased" }]);
  expect(running.asOf).toBeGreaterThanOrEqual(waiting.asOf ?? Infinity);
  expect(other.jobs).toEqual([]);
  expect([ended.list.jobs, ended.job]).toEqual([[], null]);
}, 60_000);
