import { connect, defineJob, type Jobs } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { testJobs } from "@waybill/core/testing";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";

const open: Jobs[] = [];
afterEach(async () => void (await Promise.all(open.splice(0).map((jobs) => jobs.close()))));

const size = z.object({ width: z.number() });
const measure = defineJob({
  type: "photo.measure",
  payload: z.object({ width: z.number() }),
  result: size,
  retry: { maxAttempts: 1 },
  handler: async ({ width }) => {
    if (width < 0) throw Object.assign(new Error("no such photo"), { code: "PHOTO_GONE" });
    return { width };
  },
});

async function connected(target: ReturnType<typeof memoryBackend>): Promise<Jobs> {
  const jobs = await connect(target, { log: "off" });
  open.push(jobs);
  return jobs;
}

async function running(...definitions: Parameters<Jobs["worker"]>[0]["jobs"][number][]): Promise<Jobs> {
  const jobs = await connect("memory:", { log: "off", allowVolatile: true });
  open.push(jobs);
  await jobs.worker({ jobs: definitions }).start();
  return jobs;
}

test("a result is what the handler returned, in the type of its definition", async () => {
  const jobs = await running(measure);
  const { width } = await jobs.result(await jobs.enqueue(measure, { width: 640 }));
  expect(width).toBe(640);
});

test("a result is read by the id alone, also after the job has ended", async () => {
  const jobs = await running(measure);
  const receipt = await jobs.enqueue(measure, { width: 1 });
  await jobs.result(receipt);
  expect(await jobs.result(receipt.id, { timeout: "0s" })).toEqual({ width: 1 });
});

test("the wait for a job that dies rejects with the job's own code and message", async () => {
  const jobs = await running(measure);
  const failed = jobs.result(await jobs.enqueue(measure, { width: -1 }));
  await expect(failed).rejects.toMatchObject({
    code: "JOB_DEAD",
    reason: { code: "ATTEMPTS_EXHAUSTED", message: expect.stringContaining("no such photo") },
  });
});

test("a handler that returns what its schema refuses ends its job at once, and the message names the member", async () => {
  const job = defineJob({ type: "photo.wrong", result: size, handler: (): never => ({ width: "wide" }) as never });
  const jobs = await testJobs({ jobs: [job] });
  open.push(jobs);
  const receipt = await jobs.enqueue(job, null);
  const [ended] = await jobs.drain();
  expect(ended?.reason?.code).toBe("RESULT_INVALID");
  expect(ended?.reason?.message).toContain("width");
  await expect(jobs.result(receipt)).rejects.toMatchObject({ reason: { code: "RESULT_INVALID" } });
});

test.each([
  ["a date", () => ({ at: new Date() }), "at"],
  ["too much", () => "x".repeat(70_000), "70002 bytes"],
])("a result that is %s ends its job as RESULT_INVALID", async (_, value, named) => {
  const any = z.unknown() as unknown as typeof size;
  const job = defineJob({ type: "photo.any", result: any, handler: () => value() as never });
  const jobs = await testJobs({ jobs: [job] });
  open.push(jobs);
  await jobs.enqueue(job, null);
  const [ended] = await jobs.drain();
  expect(ended?.reason).toMatchObject({ code: "RESULT_INVALID", message: expect.stringContaining(named) });
});

test("a result is kept for keepResult, and a receipt then says that it has expired", async () => {
  const short = { ...measure, keepResult: "1m" } as const;
  const jobs = await testJobs({ jobs: [short] });
  open.push(jobs);
  const receipt = await jobs.enqueue(short, { width: 2 });
  await jobs.drain();
  await jobs.advance("50s");
  expect(await jobs.result(receipt)).toEqual({ width: 2 });
  await jobs.advance("20s");
  await expect(jobs.result(receipt)).rejects.toMatchObject({ code: "RESULT_EXPIRED" });
  await expect(jobs.result(receipt.id)).rejects.toMatchObject({ code: "RESULT_UNKNOWN" });
});

test("the wait for a job that nothing runs ends at its timeout", async () => {
  const jobs = await connect("memory:", { log: "off", allowVolatile: true });
  open.push(jobs);
  const waited = jobs.result(await jobs.enqueue(measure, { width: 1 }), { timeout: "50ms" });
  await expect(waited).rejects.toMatchObject({ code: "RESULT_TIMEOUT" });
});

test("a job whose result is kept cannot complete in a transaction of its handler", async () => {
  const job = defineJob({
    type: "photo.early",
    result: z.null(),
    retry: { maxAttempts: 1 },
    handler: async (_, run) => {
      await run.completeIn({});
      return null;
    },
  });
  const jobs = await testJobs({ jobs: [job], like: "sqlite" });
  open.push(jobs);
  await jobs.enqueue(job, null);
  expect((await jobs.drain())[0]?.reason?.message).toContain("let the handler return");
});

test("invalid options are refused with their remedy", async () => {
  const jobs = await testJobs({ jobs: [measure] });
  open.push(jobs);
  const worker = (options: object) => () =>
    jobs.worker({ jobs: [defineJob({ type: "a", handler: () => undefined, ...options } as never)] });
  expect(worker({ keepResult: "1h" })).toThrow("has keepResult and no result");
  expect(worker({ result: z.null(), keepResult: "0s" })).toThrow('keepResult of "a" is 0 ms');
  expect(worker({ result: 1 })).toThrow("pass a Standard Schema");
  await expect(jobs.result(7 as never)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(jobs.result("x", { timout: 1 } as never)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  const bare = await testJobs({ jobs: [measure], like: "sqs" });
  open.push(bare);
  await expect(bare.result("x")).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  expect(() => bare.worker({ jobs: [measure] })).toThrow("has no ledger to keep it in");
});

test("an end that was stored before the wait for the next job of its id is not the end of that job", async () => {
  const store = memoryBackend();
  const [jobs, other] = [await connected(store), await connected(store)];
  const id = crypto.randomUUID();
  await jobs.enqueue(measure, { width: 3 }, { id, delay: "1h" });
  await other.cancel(id);
  await new Promise((resolve) => setTimeout(resolve, 5));
  const second = await jobs.enqueue(measure, { width: 3 }, { id, delay: "1h" });
  await expect(jobs.result(second, { timeout: "1500ms" })).rejects.toMatchObject({ code: "RESULT_TIMEOUT" });
  await other.cancel(id);
  await expect(jobs.result(second)).rejects.toMatchObject({ code: "JOB_CANCELLED" });
});
