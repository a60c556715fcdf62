import { describe, expect, test } from "vitest";
import { fixture, freshPlace, jsonLines, waybill } from "../cli.ts";

const jobs = fixture("jobs");
const payload = '{"albumId":"a1"}';

describe("waybill enqueue", () => {
  test("puts the job on its definition's queue and prints its id", async () => {
    const { env } = freshPlace();
    const text = await waybill(["enqueue", "mail.album_ready", payload, "--jobs", jobs], { env });
    expect(text).toMatchObject({ code: 0, stderr: "" });
    expect(text.stdout).toMatch(/^[0-9a-f-]{36} is stored in mailers\.\n$/);

    const json = await waybill(["enqueue", "mail.album_ready", payload, "--jobs", jobs, "--json"], { env });
    expect(jsonLines(json.stdout)).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        type: "mail.album_ready",
        queue: "mailers",
        stored: true,
        known: true,
      },
    ]);
    expect(jsonLines((await waybill(["queues", "--json"], { env })).stdout)).toMatchObject([
      { queue: "mailers", ready: 2 },
    ]);
  });

  test("R24: with the registry loaded, an unknown type is refused and nothing is stored", async () => {
    const { env } = freshPlace();
    const result = await waybill(["enqueue", "unknown.type", "{}", "--jobs", jobs, "--json"], { env });
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(JSON.parse(result.stderr)).toMatchObject({
      error: { code: "JOB_UNKNOWN", message: expect.stringContaining("unknown.type") },
    });
    expect((await waybill(["queues", "--json"], { env })).stdout).toBe("");
  });

  test("R24: with --no-registry, an unknown type is accepted and counted", async () => {
    const { env } = freshPlace();
    const args = ["enqueue", "unknown.type", "{}", "--no-registry", "--queue", "media", "--json"];
    const result = await waybill(args, { env });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(jsonLines(result.stdout)).toMatchObject([
      { type: "unknown.type", queue: "media", stored: true, known: false },
    ]);
    expect(jsonLines((await waybill(["queues", "--json"], { env })).stdout)).toMatchObject([
      { queue: "media", ready: 1 },
    ]);
  });

  test("without a registry and without --no-registry, nothing is guessed", async () => {
    const result = await waybill(["enqueue", "mail.album_ready", payload], freshPlace());
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain("--jobs FILE");
    expect(result.stderr).toContain("--no-registry");
  });

  test("a payload that fails its schema is refused, naming the field", async () => {
    const result = await waybill(
      ["enqueue", "mail.album_ready", '{"albumId":7}', "--jobs", jobs, "--json"],
      freshPlace(),
    );
    expect(result.code).toBe(1);
    expect(JSON.parse(result.stderr)).toMatchObject({
      error: { code: "PAYLOAD_INVALID", message: expect.stringContaining("albumId") },
    });
  });

  test("reads the payload from standard input", async () => {
    const { env } = freshPlace();
    const args = ["enqueue", "mail.album_ready", "-", "--jobs", jobs];
    expect(await waybill(args, { env, stdin: payload })).toMatchObject({ code: 0, stderr: "" });
    const bad = await waybill(args, { env, stdin: "{albumId" });
    expect(bad.code).toBe(2);
    expect(bad.stderr).toMatch(/payload in standard input is not JSON .*quote it whole/);
  });

  test("a job with --delay or --run-at waits for its time", async () => {
    const { env } = freshPlace();
    const args = ["enqueue", "mail.album_ready", payload, "--jobs", jobs];
    expect((await waybill([...args, "--delay", "10m"], { env })).code).toBe(0);
    expect((await waybill([...args, "--run-at", "2999-12-01T08:00:00Z"], { env })).code).toBe(0);
    const [mailers] = jsonLines((await waybill(["queues", "--json"], { env })).stdout);
    expect(mailers).toMatchObject({ queue: "mailers", ready: 0, delayed: 2 });
  });

  test("twice with one id is one job, and the second call says so", async () => {
    const { env } = freshPlace();
    const id = "0199a3c2-7d10-7000-8000-0123456789ab";
    const args = ["enqueue", "mail.album_ready", payload, "--jobs", jobs, "--id", id];
    expect((await waybill(args, { env })).stdout).toBe(`${id} is stored in mailers.\n`);
    expect((await waybill(args, { env })).stdout).toBe(`${id} was stored before; nothing changed.\n`);
    const conflict = await waybill(["enqueue", "mail.album_ready", '{"albumId":"b"}', "--jobs", jobs, "--id", id], {
      env,
    });
    expect(conflict.code).toBe(1);
    expect(conflict.stderr).toContain(id);
  });

  test.each([
    [["--delay", "10"], "Write a number and a unit"],
    [["--run-at", "tomorrow"], "ISO 8601"],
    [["--delay", "1m", "--run-at", "2999-12-01T08:00:00Z"], "cannot be used with"],
  ])("refuses %j as usage", async (options, words) => {
    const result = await waybill(["enqueue", "mail.album_ready", payload, "--jobs", jobs, ...options], freshPlace());
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain(words);
  });
});
