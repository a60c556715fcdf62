import { expect, onTestFinished, test } from "vitest";
import { defineJob } from "../../src/index.ts";
import { testJobs } from "../../src/testing/index.ts";

test("records of test jobs have each run at the time of the clock that the test moves", async () => {
  const flaky = defineJob<{ to: string }>({
    type: "mail.send",
    retry: { initial: "1h", jitter: false },
    handler: (_, job) => {
      job.log(`attempt ${job.attempt}`);
      if (job.attempt === 1) throw new Error("no answer yet");
    },
  });
  const jobs = await testJobs({ jobs: [flaky], records: { keep: "7d", redact: ["to"] } });
  onTestFinished(() => jobs.close());
  const { id } = await jobs.enqueue(flaky, { to: "anna" });
  expect(await jobs.records.get(id)).toMatchObject({ state: "waiting", payload: "{}", attempts: [] });
  await jobs.drain();
  expect(await jobs.records.get(id)).toMatchObject({ state: "retrying", attempts: [{ outcome: "retried" }] });
  await jobs.advance("1h");
  const record = await jobs.records.get(id);
  expect(record).toMatchObject({ state: "completed", logs: [{ text: "attempt 1" }, { text: "attempt 2" }] });
  const [first, second] = record?.attempts ?? [];
  expect((second?.startedAt ?? 0) - (first?.startedAt ?? 0)).toBeGreaterThanOrEqual(3_600_000);
  expect((await jobs.records.find({ text: "ANNA" })).records).toEqual([]);
});
