import { describe, expect, test } from "vitest";
import { fixture, freshPlace, jsonLines, waybill } from "../cli.ts";

describe("waybill queues", () => {
  test("prints an aligned table for a person and a line per queue for a machine", async () => {
    const { env } = freshPlace();
    const put = (...args: string[]) => waybill(["enqueue", ...args, "--jobs", fixture("jobs")], { env });
    await put("mail.album_ready", '{"albumId":"a1"}');
    await put("slow.step");
    await put("slow.step", "--delay", "1h");

    const text = await waybill(["queues"], { env });
    expect(text).toMatchObject({ code: 0, stderr: "" });
    const lines = text.stdout.trimEnd().split("\n");
    expect(lines[0]).toBe("QUEUE    READY  DELAYED  LEASED  DEAD  FINISHED  OLDEST WAIT");
    expect(lines[1]).toMatch(/^mailers {6}1 {8}0 {7}0 {5}0 {9}0 {2}.*(ms| s)$/);
    expect(lines[2]).toMatch(/^slow {9}1 {8}1 {7}0 {5}0 {9}0 {2}.*(ms| s)$/);
    expect(lines).toHaveLength(3);

    const rows = jsonLines((await waybill(["queues", "--json"], { env })).stdout);
    expect(rows).toMatchObject([
      { queue: "mailers", ready: 1, delayed: 0, oldestWaitMs: expect.any(Number) },
      { queue: "slow", ready: 1, delayed: 1, leased: 0, dead: 0 },
    ]);
  });

  test("says so when nothing waits", async () => {
    const { env } = freshPlace();
    expect((await waybill(["queues"], { env })).stdout).toBe("No queue has a job.\n");
    expect((await waybill(["queues", "--json"], { env })).stdout).toBe("");
  });
});
