import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, defineJob, DeadLetter, Discard, type Jobs } from "@waybill/core";
import { serviceUrl } from "@waybill/test-servers";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";

/** Ends as its payload says. */
const ending = defineJob({
  type: "result.ending",
  payload: z.object({ how: z.enum(["return", "fail", "dead_letter", "discard"]) }),
  result: z.string(),
  retry: { maxAttempts: 1 },
  handler({ how }) {
    if (how === "fail") throw Object.assign(new Error("no such photo"), { code: "PHOTO_GONE" });
    if (how === "dead_letter") throw new DeadLetter("a person must look");
    if (how === "discard") throw new Discard("not wanted");
    return "done";
  },
});

/** Longer than any test may take: a wait that ends by it would fail. */
const timeout = "5m";

const urls: Readonly<Record<string, () => Promise<string>>> = {
  sqlite: async () => {
    const folder = await mkdtemp(join(tmpdir(), "waybill-results-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return `sqlite:${join(folder, "jobs.db")}`;
  },
  postgres: async () => `${await serviceUrl("postgres")}?schema=result_ends_${process.pid}`,
  redis: async () => `${await serviceUrl("redis")}?prefix=result-ends-${process.pid}`,
};

describe.each(Object.keys(urls))("a wait for a result on %s", (name) => {
  test("learns each end of the job by its own code and not by its timeout, though another connection runs the job", async () => {
    const url = (await urls[name]?.()) ?? "";
    const open = async (): Promise<Jobs> => {
      const jobs = await connect(url, { log: "off" });
      onTestFinished(() => jobs.close());
      return jobs;
    };
    const [waiting, working] = [await open(), await open()];
    const { result, enqueue } = waiting;
    const receipts = {
      returned: await enqueue(ending, { how: "return" }),
      failed: await enqueue(ending, { how: "fail" }),
      kept: await enqueue(ending, { how: "dead_letter" }),
      discarded: await enqueue(ending, { how: "discard" }),
      expired: await enqueue(ending, { how: "return" }, { expiresIn: 1 }),
      cancelled: await enqueue(ending, { how: "return" }, { delay: "1h" }),
      cancelledElsewhere: await enqueue(ending, { how: "return" }, { delay: "1h" }),
    };
    const ends = Object.entries(receipts).map(async ([what, receipt]) => {
      const end = await result(receipt, { timeout }).then(
        (value) => value,
        ({ code, reason }: { code: string; reason?: { code: string } }) => [code, ...(reason ? [reason.code] : [])],
      );
      return [what, end] as const;
    });
    await working.worker({ jobs: [ending] }).start();
    expect(await waiting.cancel(receipts.cancelled.id)).toMatchObject({ cancelled: 1 });
    expect(await working.cancel(receipts.cancelledElsewhere.id)).toMatchObject({ cancelled: 1 });
    expect(Object.fromEntries(await Promise.all(ends))).toEqual({
      returned: "done",
      failed: ["JOB_DEAD", "ATTEMPTS_EXHAUSTED"],
      kept: ["JOB_DEAD", "DEAD_LETTERED"],
      discarded: ["JOB_DEAD", "DISCARDED"],
      expired: ["JOB_DEAD", "EXPIRED"],
      cancelled: ["JOB_CANCELLED"],
      cancelledElsewhere: ["JOB_CANCELLED"],
    });
    await waiting.inspector?.drop({ limit: Infinity });
  });
});
