import { existsSync, readFileSync } from "node:fs";
import { newSecret } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { fixture, freshPlace, jsonLines, linesOf, type Running, start, until, waybill } from "../cli.ts";

const jobs = fixture("jobs");

const booted = (running: Running): Promise<Record<string, unknown>> =>
  until("the boot line", () => linesOf(running).find((line) => line["event"] === "booted"));

const traceOf = (env: Record<string, string>): string[] =>
  existsSync(env["TRACE"]!) ? readFileSync(env["TRACE"]!, "utf8").trimEnd().split("\n") : [];

describe("waybill worker", () => {
  test("runs what is enqueued; stdout is JSON lines alone and ends with the summary", async () => {
    const { env } = freshPlace();
    await waybill(["enqueue", "mail.album_ready", '{"albumId":"a1"}', "--jobs", jobs], { env });
    const worker = start(["worker", "--jobs", jobs], env);
    await until("the mail", () => traceOf(env).includes("mailed:a1"));
    worker.child.kill("SIGTERM");
    const { code, stdout, stderr } = await worker.ended;
    expect(code).toBe(0);
    expect(stderr).toBe("a handler's own words\n");
    const lines = jsonLines(stdout);
    expect(lines.map((line) => line["event"])).toEqual(["booted", "started", "settled", "stopped"]);
    expect(lines.at(-1)).toMatchObject({ reason: "SIGTERM", completed: 1, dead: 0, lost: 0, unfinished: 0 });
  });

  test("R52: the boot line says role, environment, backend and queues", async () => {
    const { env, url } = freshPlace();
    const all = start(["worker", "--jobs", jobs], { ...env, NODE_ENV: "staging" });
    const one = start(
      ["worker", "--jobs", jobs, "--queues", "slow=3,brief", "--queues", "extra", "--concurrency", "3"],
      env,
    );
    expect(await booted(all)).toMatchObject({ role: "worker", env: "staging", backend: url });
    expect((await booted(all))["queues"]).toEqual(
      expect.arrayContaining(["mailers", "default", "slow", "brief", "deaf"]),
    );
    expect(await booted(one)).toMatchObject({ env: "development", queues: ["slow", "brief", "extra"], concurrency: 3 });
  });

  test("takes its jobs from an exported array, and its file and backend from the environment", async () => {
    const { env } = freshPlace();
    const worker = start(["worker"], { ...env, WAYBILL_JOBS: fixture("list") });
    expect((await booted(worker))["queues"]).toEqual(["brief", "slow"]);
  });

  test("R38: past the drain limit a job sees its signal, goes back uncounted and starts elsewhere within 2 s", async () => {
    const { env } = freshPlace();
    const args = ["worker", "--jobs", jobs, "--queues", "slow", "--drain", "1s", "--abort", "2s"];
    const workers = [start(args, env), start(args, env)];
    await Promise.all(workers.map(booted));
    await waybill(["enqueue", "slow.step", "--jobs", jobs], { env });
    const first = await until("the first start", () =>
      workers.find((worker) => linesOf(worker).some((line) => line["event"] === "started")),
    );
    first.child.kill("SIGTERM");
    expect((await first.ended).code).toBe(0);
    const release = linesOf(first).find((line) => line["event"] === "settled");
    expect(release).toMatchObject({ outcome: "release", attempt: 1 });
    expect(linesOf(first).at(-1)).toMatchObject({
      event: "stopped",
      completed: 0,
      released: 1,
      lost: 0,
      unfinished: 0,
    });

    await until("the job's end", () => traceOf(env).includes("slow:end"));
    const [started, signalled, again, end] = traceOf(env);
    expect([started, signalled, again, end]).toEqual([
      expect.stringMatching(/^slow:start:1:/),
      "slow:signal:SHUTDOWN",
      expect.stringMatching(/^slow:start:1:/),
      "slow:end",
    ]);
    const restartedAt = Number(again?.split(":").at(-1));
    expect(restartedAt - Date.parse(String(release?.["at"]))).toBeLessThan(2_000);
  });

  test("a handler that ignores its signal does not keep the process", async () => {
    const { env } = freshPlace();
    await waybill(["enqueue", "deaf.step", "--jobs", jobs], { env });
    const worker = start(["worker", "--jobs", jobs, "--drain", "100ms", "--abort", "100ms"], env);
    await until("its start", () => linesOf(worker).some((line) => line["event"] === "started"));
    worker.child.kill("SIGTERM");
    const { code } = await worker.ended;
    expect(code).toBe(0);
    expect(linesOf(worker).at(-1)).toMatchObject({ event: "stopped", released: 1, unfinished: 0 });
    const [deaf] = jsonLines((await waybill(["queues", "--json"], { env })).stdout);
    expect(deaf).toMatchObject({ queue: "deaf", ready: 1, leased: 0 });
  });

  test("--signatures runs what the keys signed, and keeps the rest for a person", async () => {
    const { env } = freshPlace();
    const signing = { ...env, WAYBILL_KEYS: newSecret() };
    await waybill(["enqueue", "mail.album_ready", '{"albumId":"a1"}', "--jobs", jobs], { env });
    await waybill(["enqueue", "mail.album_ready", '{"albumId":"a2"}', "--jobs", jobs], { env: signing });
    const worker = start(["worker", "--jobs", jobs, "--signatures", "mailers=required"], signing);
    await until("both ends", () => linesOf(worker).filter(({ event }) => event === "settled").length === 2);
    worker.child.kill("SIGTERM");
    await worker.ended;
    expect(traceOf(env)).toEqual(["mailed:a2"]);
    expect(linesOf(worker).find(({ outcome }) => outcome === "dead")).toMatchObject({
      reason: { code: "SIGNATURE_INVALID" },
    });
    const bare = await waybill(["worker", "--jobs", jobs, "--signatures", "required"], { env });
    expect([bare.code, bare.stderr]).toEqual([2, expect.stringContaining("no keys")]);
  });

  test("a signal while the jobs are still loading ends it at once: nothing is leased yet", async () => {
    const { env } = freshPlace();
    const worker = start(["worker", "--jobs", fixture("slow-load")], env);
    await until("loading", () => traceOf(env).includes("loading"));
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});
