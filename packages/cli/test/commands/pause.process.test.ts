import { describe, expect, test } from "vitest";
import { fixture, freshPlace, jsonLines, linesOf, start, until, waybill } from "../cli.ts";

const jobs = fixture("jobs");
const settled = (outcome: string) => (line: Record<string, unknown>) =>
  line["event"] === "settled" && line["outcome"] === outcome;

async function enqueued(env: Record<string, string>, type: string, ...more: readonly string[]): Promise<void> {
  expect(await waybill(["enqueue", type, "--jobs", jobs, ...more], { env })).toMatchObject({ code: 0 });
}

describe("waybill pause, resume and drain", () => {
  test("a worker leaves a queue that another process pauses, and runs its jobs once it is resumed", async () => {
    const { env } = freshPlace();
    expect(await waybill(["pause", "--queue", "brief"], { env })).toMatchObject({
      code: 0,
      stdout: 'Queue "brief" is paused.\n',
    });
    await enqueued(env, "brief.step");
    const worker = start(["worker", "--jobs", jobs, "--heartbeat", "500ms"], env);
    await until("paused", () => linesOf(worker).find((line) => line["event"] === "paused"));
    const [row] = jsonLines((await waybill(["pause", "--json"], { env })).stdout);
    expect(row).toEqual({ queue: "brief", since: expect.stringMatching(/^\d{4}-/) });
    const drained = await waybill(["drain", "--queue", "brief", "--timeout", "30s"], { env });
    expect(drained).toMatchObject({ code: 1, stdout: "" });
    expect(drained.stderr).toContain(
      'queue "brief" still has 1 ready job and is paused; "waybill resume --queue brief" ends the pause',
    );
    expect(await waybill(["resume", "--queue", "brief", "--json"], { env })).toMatchObject({
      code: 0,
      stdout: '{"resumed":{"queue":"brief"}}\n',
    });
    await until("completed", () => linesOf(worker).find(settled("completed")));
    expect(await waybill(["pause"], { env })).toMatchObject({ code: 0, stdout: "Nothing is paused.\n" });
  });

  test("drain ends with exit 0 when the queue is empty, and at its limit says what is left", async () => {
    const { env } = freshPlace();
    await enqueued(env, "brief.step");
    await enqueued(env, "brief.step", "--delay", "1h");
    const late = await waybill(["drain", "--queue", "brief", "--timeout", "600ms"], { env });
    expect(late).toMatchObject({ code: 1, stdout: "" });
    expect(late.stderr).toContain('after 600ms, queue "brief" still has 1 ready and 1 delayed jobs');
    start(["worker", "--jobs", jobs], env);
    const done = await waybill(["drain", "--queue", "brief", "--leave-delayed", "--timeout", "1m"], { env });
    expect(done.stdout).toMatch(/^Queue "brief" is empty, after \d.*\.\n$/);
    expect(done.code).toBe(0);
  });

  test("a wrong command line is exit 2 and says what to write", async () => {
    const { env } = freshPlace();
    expect(await waybill(["pause", "--queue", "a", "--type", "b"], { env })).toMatchObject({ code: 2 });
    expect((await waybill(["resume"], { env })).stderr).toContain("--queue NAME or --type TYPE");
    expect((await waybill(["pause", "--queue", "Not A Queue"], { env })).stderr).toContain("use 1 to 63");
    expect((await waybill(["drain"], { env })).stderr).toContain("--queue NAME");
  });
});
