import { connect } from "@waybill/core";
import { expect, test } from "vitest";
import { fixture, freshPlace, jsonLines, start, waybill } from "../cli.ts";
import { readFileSync } from "node:fs";

const JOBS = 300;

test("R60: a worker past its memory limit finishes what runs and exits 0; started afresh, it goes on and no job is lost", async () => {
  const { env, url } = freshPlace();
  const jobs = await connect(url, { log: "off" });
  const items = Array.from({ length: JOBS }, () => ({ job: "leaky.step", payload: {} }));
  const ids = (await jobs.enqueueMany(items)).map((answer) => (answer.ok ? answer.value.id : ""));
  await jobs.close();
  const args = ["worker", "--jobs", fixture("leaky"), "--concurrency", "2", "--max-memory", "200MiB"];
  let completed = 0;
  let starts = 0;
  while (completed < JOBS && starts < 10) {
    const worker = start(args, env);
    starts += 1;
    const lastRound = setInterval(() => {
      if (new Set(readFileSync(env["TRACE"]!, { encoding: "utf8", flag: "a+" }).trimEnd().split("\n")).size === JOBS)
        worker.child.kill("SIGTERM");
    }, 200);
    const { code, stdout } = await worker.ended;
    clearInterval(lastRound);
    const last = jsonLines(stdout).at(-1);
    expect({ code, ...last }).toMatchObject({ code: 0, event: "stopped", lost: 0, unfinished: 0, dead: 0 });
    completed += Number(last?.["completed"]);
    if (completed < JOBS) expect(last).toMatchObject({ reason: "MEMORY" });
  }
  expect(completed).toBe(JOBS);
  expect(starts).toBeGreaterThan(1);
  expect(readFileSync(env["TRACE"]!, "utf8").trimEnd().split("\n").sort()).toEqual([...ids].sort());
});

test("a limit that the process is past before its first job is refused, with both numbers", async () => {
  const { env } = freshPlace();
  const { code, stderr } = await waybill(["worker", "--jobs", fixture("leaky"), "--max-memory", "1MiB"], { env });
  expect(code).toBe(2);
  expect(stderr).toMatch(/maxMemoryBytes is 1048576, but the process uses \d+ bytes before its first job/);
});
