import { expect, test } from "vitest";
import { defineJob } from "../../../src/index.ts";
import { connected, eventOf } from "../../helpers/connected.ts";

const mail = defineJob({ type: "mail.send", handler() {} });
const nothing = { rescheduled: 0, leased: 0, dead: 0, absent: 0 };

test("runNow runs a delayed job at once", async () => {
  const jobs = await connected();
  const { id } = await jobs.enqueue(mail, {}, { delay: "1h" });
  const settled = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [mail] }).start();
  expect(await jobs.runNow(id)).toEqual({ ...nothing, rescheduled: 1 });
  expect(await settled).toMatchObject({ id, outcome: "completed", attempt: 1 });
});

test("runNow by query takes what is delayed, and leaves what is ready in its place", async () => {
  const jobs = await connected();
  for (const delay of ["1h", "1h", 0] as const) await jobs.enqueue(mail, {}, { delay });
  expect(await jobs.runNow({ type: "mail.send" }, { dryRun: true })).toEqual({ ...nothing, rescheduled: 2 });
  expect((await jobs.list({ state: "delayed" })).jobs).toHaveLength(2);
  expect(await jobs.runNow({ type: "mail.send" })).toEqual({ ...nothing, rescheduled: 2 });
  expect((await jobs.list({ state: "ready" })).jobs).toHaveLength(3);
});

test("reschedule moves a job to a time to come", async () => {
  const jobs = await connected();
  const { id } = await jobs.enqueue(mail, {});
  const at = new Date(Date.now() + 3_600_000);
  expect(await jobs.reschedule(id, at)).toEqual({ ...nothing, rescheduled: 1 });
  const job = await jobs.find(id);
  expect(job).toMatchObject({ state: "delayed" });
  expect(Math.abs((job?.dueAt ?? 0) - at.getTime())).toBeLessThan(1_000);
  expect(await jobs.reschedule("no-such-id", at)).toEqual({ ...nothing, absent: 1 });
});

const later = new Date(Date.now() + 3_600_000);

test("a time that is past, or no time at all, is refused, and nothing is changed", async () => {
  const jobs = await connected();
  const { id } = await jobs.enqueue(mail, {});
  await expect(jobs.reschedule(id, new Date(Date.now() - 1))).rejects.toMatchObject({
    message: /which is past: call runNow/,
  });
  await expect(jobs.reschedule(id, new Date("never"))).rejects.toMatchObject({ message: /pass a Date/ });
  await expect(jobs.reschedule(id, "1h" as never)).rejects.toMatchObject({ message: /"1h".*pass a Date/ });
  expect(await jobs.find(id)).toMatchObject({ state: "ready" });
});

test.each([
  [{}, /without a filter/],
  [{ queue: undefined }, /is undefined/],
  [{ queu: "a" }, /did you mean "queue"/],
  [{ type: 1 }, /type, a filter of jobs, is 1/],
  [{ state: "gone" }, /state, a filter of jobs, is "gone"/],
  [{ state: "dead" }, /no dead letters/],
  [{ ids: "a" }, /a list of ids/],
  [{ since: "today" }, /Unix milliseconds/],
  [{ type: "a", limit: 1 }, /has no "limit"/],
])("the filter %j is refused by every call that changes jobs, and nothing is changed", async (filter, message) => {
  const jobs = await connected();
  await jobs.enqueue(mail, {}, { delay: "1h" });
  const refusal = { code: "CONFIG_INVALID", message };
  await expect(jobs.cancel(filter as never)).rejects.toMatchObject(refusal);
  await expect(jobs.runNow(filter as never)).rejects.toMatchObject(refusal);
  await expect(jobs.reschedule(filter as never, later)).rejects.toMatchObject(refusal);
  expect((await jobs.list({ state: "delayed" })).jobs).toHaveLength(1);
});

test.each([
  [{ limit: 0 }, /limit, a filter of jobs, is 0: pass a whole number from 1 to 1000/],
  [{ limit: 1_001 }, /from 1 to 1000/],
  [{ limit: 1.5 }, /from 1 to 1000/],
  [{ after: 3 }, /`next` of the page before/],
  [{ text: "" }, /text, a filter of jobs, is ""/],
  [{ state: "queued" }, /state, a filter of jobs/],
  [{ queue: undefined }, /is undefined/],
])("list(%j) is refused", async (query, message) => {
  const jobs = await connected();
  await expect(jobs.list(query as never)).rejects.toMatchObject({ code: "CONFIG_INVALID", message });
});

test("an id that is no text, and an option that does not exist, are refused", async () => {
  const jobs = await connected();
  await expect(jobs.find(undefined as never)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: /find got undefined/,
  });
  await expect(jobs.cancel(undefined as never)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(jobs.cancel("a", { dryrun: true } as never)).rejects.toMatchObject({ message: /did you mean "dryRun"/ });
});

test("jobs are found by filters, page by page", async () => {
  const jobs = await connected();
  for (let count = 0; count < 5; count += 1) await jobs.enqueue(mail, { to: `Anna ${count}` }, { tenant: "acme" });
  await jobs.enqueue(mail, { to: "Bob" });
  const first = await jobs.list({ tenant: "acme", text: "ANNA", limit: 3 });
  const second = await jobs.list({ tenant: "acme", text: "ANNA", limit: 3, after: first.next ?? "" });
  expect([first.jobs.length, second.jobs.length, second.next]).toEqual([3, 2, null]);
});
