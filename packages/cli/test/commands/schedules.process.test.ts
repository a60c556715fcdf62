import { describe, expect, test } from "vitest";
import { fixture, freshPlace, jsonLines, linesOf, start, until, waybill } from "../cli.ts";

const jobs = fixture("scheduled");

describe("waybill schedules", () => {
  test("a schedule is put, listed in its time zone, paused, run, resumed and removed", async () => {
    const { env } = freshPlace();
    const schedules = (...args: string[]) => waybill(["schedules", ...args], { env });
    expect(await schedules("list")).toMatchObject({ code: 0, stdout: "There is no schedule.\n" });
    const cron = ["--cron", "0 3 * * *", "--time-zone", "Europe/Vienna"];
    expect(await schedules("put", "nightly", "report.build", '{"shop":7}', ...cron, "--jobs", jobs)).toMatchObject({
      code: 0,
      stdout: "nightly is stored; a worker on this backend fires it.\n",
      stderr: "",
    });
    const lines = (await schedules("list")).stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^SCHEDULE {2}WHEN +JOB +QUEUE +FROM +NEXT +LAST$/);
    expect(lines[1]).toMatch(
      /^nightly +0 3 \* \* \* Europe\/Vienna +report\.build +default +put +\w{3} \d{4}-\d\d-\d\d 03:00:00 CES?T +-$/,
    );
    expect((await schedules("pause", "nightly")).stdout).toBe("nightly is paused.\n");
    expect((await schedules("list")).stdout).toMatch(/put +paused +-$/m);
    expect(jsonLines((await schedules("run", "nightly", "--json")).stdout)).toMatchObject([{ name: "nightly" }]);
    expect((await waybill(["queues", "--json"], { env })).stdout).toContain('"ready":1');
    expect((await schedules("resume", "nightly")).stdout).toBe("nightly ticks again.\n");
    const [row] = jsonLines((await schedules("list", "--json")).stdout);
    expect(row).toMatchObject({ name: "nightly", from: "put", paused: false, next: { length: 5 } });
    expect((await schedules("remove", "nightly")).stdout).toBe("nightly is removed.\n");
  });

  test("a worker declares the schedules of its jobs file and fires them", async () => {
    const { env } = freshPlace();
    const worker = start(["worker", "--jobs", jobs, "--json"], env);
    await until("a tick", () => linesOf(worker).find((line) => line["event"] === "tick"));
    await until("completed", () => linesOf(worker).find((line) => line["outcome"] === "completed"));
    const { stdout } = await waybill(["schedules", "list"], { env });
    expect(stdout).toMatch(/^nightly .* code +\w{3} \d{4}-/m);
    expect(stdout).toMatch(/^often +every 1 s .* code .* UTC .* ago/m);
    const put = ["put", "often", "report.build", "--every", "2s", "--jobs", jobs];
    for (const args of [["remove", "often"], put]) {
      const ended = await waybill(["schedules", ...args], { env });
      expect(ended).toMatchObject({ code: 1, stdout: "" });
      expect(ended.stderr).toContain("declared by a worker that runs now");
      expect(ended.stderr).toContain('"waybill schedules pause often" stops it');
    }
  });

  test("the name of no schedule is exit 1 for every command that changes one", async () => {
    const { env } = freshPlace();
    for (const verb of ["pause", "resume", "run", "remove"]) {
      const ended = await waybill(["schedules", verb, "none", "--json"], { env });
      expect(ended).toMatchObject({ code: 1, stdout: "" });
      expect(JSON.parse(ended.stderr)).toMatchObject({ error: { code: "NOT_FOUND" } });
    }
  });

  test("a wrong command line is exit 2 and says what to write", async () => {
    const { env } = freshPlace();
    const put = (...args: string[]) => waybill(["schedules", "put", "s", "report.build", ...args], { env });
    expect(await put("--every", "10s")).toMatchObject({ code: 2, stdout: "" });
    expect(await put("--no-registry")).toMatchObject({ code: 2 });
    expect((await put("--no-registry", "--cron", "0 9 * *")).stderr).toContain("has 4 fields; write five");
    expect((await put("--no-registry", "--cron", "0 0 30 2 *")).stderr).toContain("no such date ever comes");
  });
});
