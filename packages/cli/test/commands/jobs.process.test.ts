import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fixture, freshPlace, jsonLines, linesOf, start, until, waybill } from "../cli.ts";

const jobs = fixture("jobs");

async function enqueued(env: Record<string, string>, type: string, ...more: readonly string[]): Promise<string> {
  const { code, stdout } = await waybill(["enqueue", type, "--jobs", jobs, "--json", ...more], { env });
  expect(code).toBe(0);
  return String(jsonLines(stdout)[0]?.["id"]);
}

describe("waybill jobs", () => {
  test("list shows the jobs with their state, and show one with its envelope", async () => {
    const { env } = freshPlace();
    const id = await enqueued(env, "brief.step", "--delay", "1h");
    await enqueued(env, "fragile.step");
    const text = (await waybill(["jobs", "list", "--queue", "brief"], { env })).stdout.trimEnd().split("\n");
    expect(text[0]).toMatch(/^ID +TYPE +QUEUE +STATE +ATTEMPT +ENQUEUED +DUE$/);
    expect(text[1]).toMatch(/^[0-9a-f-]{36} {2}brief\.step {2}brief +delayed +1 .* ago +in (1 h|60 min)$/);
    expect(text).toHaveLength(2);
    expect(jsonLines((await waybill(["jobs", "list", "--json"], { env })).stdout)).toHaveLength(2);
    const cut = await waybill(["jobs", "list", "--limit", "1"], { env });
    expect(cut.stdout).toContain("The first 1 is shown; --limit shows more.");
    const shown = await waybill(["jobs", "show", id], { env });
    expect(shown.stdout).toMatch(/^STATE +delayed$/m);
    expect(shown.stdout).toContain('"spec":"waybill/1"');
    const [row] = jsonLines((await waybill(["jobs", "show", id, "--json"], { env })).stdout);
    expect(row).toMatchObject({ id, state: "delayed", dueAt: expect.stringMatching(/^\d{4}-/) });
    const none = await waybill(["jobs", "show", "no-such-id"], { env });
    expect(none).toMatchObject({ code: 1, stdout: "" });
    expect(none.stderr).toContain('no job has the id "no-such-id"');
  });

  test("cancel, run and reschedule change what they say, and nothing with --dry-run", async () => {
    const { env } = freshPlace();
    const id = await enqueued(env, "brief.step", "--delay", "1h");
    await enqueued(env, "brief.step", "--delay", "1h");
    const would = await waybill(["jobs", "cancel", "--queue", "brief", "--all", "--dry-run"], { env });
    expect(would).toMatchObject({ code: 0, stdout: "2 would be cancelled; nothing was changed.\n" });
    expect((await waybill(["jobs", "reschedule", id, "--in", "2h"], { env })).stdout).toBe("1 rescheduled.\n");
    expect((await waybill(["jobs", "cancel", id], { env })).stdout).toBe("1 cancelled.\n");
    const ran = await waybill(["jobs", "run", "--queue", "brief", "--all", "--json"], { env });
    expect(jsonLines(ran.stdout)).toEqual([{ rescheduled: 1, leased: 0, dead: 0, absent: 0 }]);
    expect(jsonLines((await waybill(["jobs", "list", "--json"], { env })).stdout)).toMatchObject([{ state: "ready" }]);
  });

  test("cancel aborts a job that a worker of another process runs, and it is not retried", async () => {
    const { env } = freshPlace();
    const id = await enqueued(env, "slow.step");
    const worker = start(["worker", "--jobs", jobs, "--heartbeat", "200ms"], env);
    await until("started", () => linesOf(worker).find((line) => line["event"] === "started"));
    expect(await waybill(["jobs", "cancel", id], { env })).toMatchObject({
      code: 0,
      stdout: "1 running and being aborted.\n",
    });
    const end = await until("settled", () => linesOf(worker).find((line) => line["event"] === "settled"));
    expect(end).toMatchObject({ id, outcome: "dead", kept: false, reason: { code: "CANCELLED" } });
    expect(readFileSync(env["TRACE"] as string, "utf8")).toMatch(/^slow:start:1:\d+\nslow:signal:JOB_CANCELLED\n$/);
  });

  test("a job that is named and cannot be changed is exit 1 and says why; filters that match none are exit 0", async () => {
    const { env } = freshPlace();
    const dead = await enqueued(env, "fragile.step");
    const running = await enqueued(env, "deaf.step");
    const worker = start(["worker", "--jobs", jobs], env);
    await until("started", () => linesOf(worker).find(({ event, id }) => event === "started" && id === running));
    await until("settled", () => linesOf(worker).find(({ event, id }) => event === "settled" && id === dead));
    const gone = "0199a3c2-0000-7000-8000-000000000000";
    for (const [args, code, message] of [
      [["cancel", gone], "NOT_FOUND", "it has ended, was cancelled or was never enqueued here"],
      [["run", gone, "--dry-run"], "NOT_FOUND", "it has ended, was cancelled or was never enqueued here"],
      [["reschedule", gone, "--in", "1h"], "NOT_FOUND", "it has ended, was cancelled or was never enqueued here"],
      [["cancel", dead], "NOT_CHANGED", `"waybill dead drop --id ${dead}" deletes it`],
      [["run", dead], "NOT_CHANGED", `"waybill dead replay --id ${dead}" runs it again`],
      [["run", running], "NOT_CHANGED", `"waybill jobs cancel ${running}" aborts it`],
      [["reschedule", running, "--in", "1h"], "NOT_CHANGED", `"waybill jobs cancel ${running}" aborts it`],
    ] as const) {
      const ended = await waybill(["jobs", ...args, "--json"], { env });
      expect([args, ended.code, ended.stdout]).toEqual([args, 1, ""]);
      expect(JSON.parse(ended.stderr)).toMatchObject({ error: { code, message: expect.stringContaining(message) } });
    }
    const none = await waybill(["jobs", "cancel", "--queue", "brief", "--all"], { env });
    expect(none).toMatchObject({ code: 0, stdout: "No job matches; nothing was changed.\n" });
    expect(await waybill(["jobs", "cancel", "--id", gone], { env })).toMatchObject({ code: 0 });
  });

  test("a wrong command line is exit 2 and says what to write", async () => {
    const { env } = freshPlace();
    for (const [args, message] of [
      [["cancel"], "an ID, or --all with at least one of --queue"],
      [["cancel", "--all"], "an ID, or --all with at least one of --queue"],
      [["cancel", "--queue", "brief"], "an ID, or --all"],
      [["cancel", "a", "--queue", "brief", "--all"], "not both"],
      [["cancel", "--all", "--state", "dead"], "dead"],
      [["reschedule", "a"], "--at TIME or --in DURATION"],
      [["reschedule", "a", "--at", "2020-01-01T00:00:00Z"], "which is past"],
      [["list", "--state", "gone"], "Allowed choices are ready"],
      [["list", "--limit", "0"], "1 or more"],
    ] as const) {
      const ended = await waybill(["jobs", ...args], { env });
      expect([args, ended.code]).toEqual([args, 2]);
      expect(ended.stderr).toContain(message);
    }
  });
});
