/** Why a job died may be any text: every store keeps it, as core has cut and cleaned it. */
import { connect, defineJob, type OutcomeEvent } from "@waybill/core";
import { startFauxqs } from "@waybill/test-servers";
import { describe, expect, onTestFinished, test } from "vitest";
import { targets as durableTargets } from "../src/backends.ts";
import { freshStore } from "./stores.ts";

/** The emulator of SQS with a disk cannot put back a letter that was looked at; without one it can. */
const targets = durableTargets.map((target) =>
  target.name === "sqs" ? { ...target, startServer: () => startFauxqs({ durable: false }) } : target,
);

const texts: Readonly<Record<string, string>> = {
  "U+0000": "a\0b",
  "half a pair": "a\ud800b\udc00c",
  noncharacters: "a\ufffe\uffffb",
  controls: "\u001b[31mred\u009b",
  lines: "one\r\n\ttwo\u2028three",
  quotes: `"';--\\ $1 \${x} %s`,
  "a megabyte": "😀".repeat(1 << 18),
};

describe.each(targets)("on $name", (target) => {
  test("a dead letter keeps a reason of any characters and any length", async () => {
    const { url } = await freshStore(target);
    const job = defineJob({
      type: "dies",
      retry: { maxAttempts: 1 },
      handler(payload) {
        const text = texts[payload as string] ?? "";
        throw Object.assign(new Error(text), { code: text });
      },
    });
    const jobs = await connect(url, { log: "off" });
    onTestFinished(() => jobs.close());
    const settled: OutcomeEvent[] = [];
    jobs.events.on("settled", (event) => settled.push(event));
    for (const name of Object.keys(texts)) await jobs.enqueue(job, name);
    const worker = jobs.worker({ jobs: [job] });
    await worker.start();
    await expect.poll(() => settled.length, { timeout: 30_000 }).toBe(Object.keys(texts).length);
    await worker.stop();
    expect(new Set(settled.map(({ outcome }) => outcome))).toEqual(new Set(["dead"]));
    const letters = (await jobs.inspector?.deadLetters()) ?? [];
    const said = new Map(settled.map(({ id, reason }) => [id, reason]));
    expect(new Map(letters.map(({ id, reason }) => [id, reason]))).toEqual(said);
  }, 60_000);
});
