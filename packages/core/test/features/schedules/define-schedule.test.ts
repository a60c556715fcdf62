import { expect, test } from "vitest";
import { z } from "zod";
import { defineJob, defineSchedule, type ScheduleOptions } from "../../../src/index.ts";
import { assertSchedules } from "../../../src/features/schedules/define-schedule.ts";

const job = defineJob({ type: "job", payload: z.object({ n: z.number() }) });
const plain = { name: "s", job, payload: { n: 1 } };

test("a definition has its defaults, and durations in milliseconds", () => {
  expect(defineSchedule({ ...plain, cron: "0 9 * * MON" })).toEqual({
    ...plain,
    timing: { kind: "cron", cron: "0 9 * * MON", timeZone: "UTC" },
    overlap: "allow",
    missed: "run_once",
    maxMissed: 100,
    jitterMs: 0,
    queue: null,
  });
  expect(defineSchedule({ ...plain, every: "10s", jitter: "2s" })).toMatchObject({
    timing: { kind: "every", ms: 10_000 },
    jitterMs: 2_000,
  });
  expect(defineSchedule({ ...plain, afterCompletion: 1_000 }).timing).toEqual({ kind: "afterCompletion", ms: 1_000 });
});

test("the payload has the type that the job takes", () => {
  // @ts-expect-error -- n is a number
  defineSchedule({ name: "s", job, payload: { n: "1" }, every: "1s" });
  // @ts-expect-error -- the payload cannot be omitted
  defineSchedule({ name: "s", job, every: "1s" });
  const optional = defineJob({ type: "optional", payload: z.number().optional() });
  expect(defineSchedule({ name: "s", job: optional, every: "1s" }).payload).toBeUndefined();
});

test.each<[Partial<Record<keyof ScheduleOptions, unknown>> & Record<string, unknown>, RegExp]>([
  [{}, /needs one of cron, every and afterCompletion; it has none of them/],
  [{ cron: "* * * * *", every: "1s" }, /it has cron and every$/],
  [{ cron: "0 0 9 * * MON" }, /cron of schedule "s" is "0 0 9 \* \* MON", which has 6 fields/],
  [{ cron: "0 9 * * *", timeZone: "Europe/Wien" }, /timeZone of schedule "s" is "Europe\/Wien", which is no time zone/],
  [{ every: "500ms" }, /every of schedule "s" is 500 ms: whole milliseconds, from "1s"/],
  [{ every: 1_000.5 }, /every of schedule "s" is 1000.5 ms: whole milliseconds/],
  [{ every: "soon" }, /every of schedule "s" is "soon"; write milliseconds/],
  [{ afterCompletion: 999 }, /afterCompletion of schedule "s" is 999 ms/],
  [{ every: "1s", timeZone: "UTC" }, /"s" has timeZone, which has no meaning with every; remove it/],
  [{ afterCompletion: "1s", overlap: "skip" }, /"s" has overlap, which has no meaning with afterCompletion/],
  [{ every: "1s", overlap: "never" }, /overlap of schedule "s" is "never": "allow", "skip" or "queue_one"/],
  [{ every: "1s", missed: "all" }, /missed of schedule "s" is "all": "skip", "run_once" or "run_all"/],
  [{ every: "1s", missed: "run_all", maxMissed: 0 }, /maxMissed of schedule "s" is 0: a whole number from 1 to 1,000/],
  [{ every: "1s", maxMissed: 5 }, /has maxMissed, which needs missed: "run_all"; missed is "run_once"/],
  [{ every: "1s", jitter: "1s" }, /jitter of schedule "s" is 1000 ms: shorter than `every`, which is 1000 ms/],
  [{ every: "1s", name: "" }, /the name of a schedule is "": a text of 1 to 128 characters/],
  [{ every: "1s", name: "x".repeat(129) }, /a text of 1 to 128 characters/],
  [{ every: "1s", job: { type: "job" } }, /job of schedule "s" is an object: pass what defineJob/],
  [{ evry: "1s" }, /the options of defineSchedule have no "evry"; did you mean "every"\?/],
])("the options %j are refused", (options, message) => {
  const define = (): unknown => defineSchedule({ ...plain, ...options } as never);
  expect(define).toThrow(expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(message) }));
});

test("a worker refuses two schedules of one name, and what is no schedule", () => {
  const one = defineSchedule({ ...plain, every: "1s" });
  expect(() => assertSchedules([one, one], "schedules")).toThrow(/two schedules called "s"; .* rename one/);
  expect(() => assertSchedules([plain], "schedules")).toThrow(/schedules\[0\] is an object: pass what defineSchedule/);
  expect(() => assertSchedules({}, "schedules")).toThrow(/schedules is an object: pass a list/);
});
