import { readFileSync } from "node:fs";
import { connect } from "@waybill/core";
import { expect, test } from "vitest";
import { fixture, freshPlace, jsonLines, start, until } from "../cli.ts";
import { brief, fragile } from "../fixtures/jobs.ts";

/** Below what the backend remembers of finished jobs, and some seconds of work. */
const JOBS = 9_000;

test("R33: as PID 1 under load, SIGTERM ends in a summary whose counts are the backend's", async ({ skip }) => {
  skip(process.getuid?.() !== 0, "needs root for a PID namespace");
  const { env, url } = freshPlace();
  const jobs = await connect(url, { log: "off" });
  await jobs.enqueueMany(Array.from({ length: JOBS }, () => ({ job: brief, payload: {} })));
  await jobs.enqueueMany(Array.from({ length: 5 }, () => ({ job: fragile, payload: {} })));

  const unshare = ["unshare", "--pid", "--fork", "--mount-proc"];
  const worker = start(["worker", "--jobs", fixture("jobs"), "--concurrency", "20"], env, unshare);
  const settledSoFar = (): number => worker.stdout().split('"event":"settled"').length - 1;
  await until("load", () => settledSoFar() >= 200);
  process.kill(childOf(worker.child.pid ?? 0), "SIGTERM");
  const { code, stdout } = await worker.ended;

  const lines = jsonLines(stdout);
  expect(lines.find((line) => line["event"] === "booted")).toMatchObject({ pid: 1 });
  const outcomes = lines.filter((line) => line["event"] === "settled").map((line) => line["outcome"]);
  const count = (outcome: string): number => outcomes.filter((each) => each === outcome).length;
  const summary = lines.at(-1);
  expect(code).toBe(0);
  expect(summary).toMatchObject({ event: "stopped", reason: "SIGTERM", lost: 0, unfinished: 0 });
  expect(summary).toMatchObject({ completed: count("completed"), dead: count("dead"), released: count("release") });

  const held = await jobs.inspector!.counts();
  const total = (state: "ready" | "leased" | "dead" | "finished"): number =>
    held.reduce((sum, queue) => sum + queue[state], 0);
  expect(total("finished")).toBe(summary?.["completed"]);
  expect(total("dead")).toBe(summary?.["dead"]);
  expect(total("leased")).toBe(0);
  expect(total("ready")).toBe(JOBS + 5 - total("finished") - total("dead"));
  expect(total("finished")).toBeGreaterThan(0);
  expect(total("ready")).toBeGreaterThan(0);
  await jobs.close();
});

/** `unshare` itself ignores SIGTERM while it waits; the worker is its child. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
}
