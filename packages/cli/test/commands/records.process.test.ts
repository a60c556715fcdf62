import { expect, test } from "vitest";
import { fixture, freshPlace, jsonLines, linesOf, start, until, waybill } from "../cli.ts";

const jobs = fixture("jobs");

test("enqueue and worker with --records keep what happens to a job, which jobs show prints, without what is redacted", async () => {
  const { env } = freshPlace();
  const kept = ["--records", "7d", "--records-redact", "secret"];
  const payload = '{"albumId":"a1","secret":"hidden-4711"}';
  const enqueued = await waybill(["enqueue", "mail.album_ready", payload, "--jobs", jobs, "--json", ...kept], { env });
  const id = String(jsonLines(enqueued.stdout)[0]?.["id"]);

  const worker = start(["worker", "--jobs", jobs], { ...env, WAYBILL_RECORDS: "7d", WAYBILL_RECORDS_REDACT: "secret" });
  await until("the mail", () => linesOf(worker).find((line) => line["event"] === "settled"));
  worker.child.kill("SIGTERM");
  await worker.ended;
  const { stdout } = await waybill(["jobs", "show", id, "--json"], { env });
  const record = { id, state: "completed", payload: '{"albumId":"a1"}', attempts: [{ outcome: "completed" }] };
  expect(jsonLines(stdout)[0]?.["record"]).toMatchObject(record);
});

test("the other options of records are refused without --records, with what to do", async () => {
  const { env } = freshPlace();
  const refused = await waybill(["enqueue", "t", "--no-registry", "--records-search"], { env });
  expect(refused.stderr).toContain("--records-search is given without --records: give --records 7d as well");
  expect(refused.code).toBe(2);
});
