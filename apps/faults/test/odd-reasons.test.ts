/** Why a job died and where may be any text: every store keeps it, as core has cut and cleaned it. */
import { run } from "@waybill/cli";
import { connect, defineJob, type ErrorRecord, type Jobs, type LogLine, type OutcomeEvent } from "@waybill/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { inProcess, targets } from "../src/backends.ts";
import { freshStore } from "./stores.ts";

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

class CardDeclined extends Error {
  readonly code = "card_declined";
}

const charge = defineJob({
  type: "card.charge",
  retry: { maxAttempts: 1 },
  handler() {
    throw new CardDeclined("no money", { cause: new RangeError("limit of 7") });
  },
});

const here = expect.stringMatching(/^at .*odd-reasons\.test\.ts:\d+/);
const record = {
  name: "CardDeclined",
  code: "card_declined",
  message: "no money",
  stack: expect.arrayContaining([here]),
  causes: [{ name: "RangeError", code: null, message: "limit of 7", stack: expect.arrayContaining([here]) }],
};

/** What a command prints. */
async function printed(...argv: readonly string[]): Promise<string> {
  let text = "";
  const spy = vi
    .spyOn(process.stdout, "write")
    .mockImplementation(((chunk: string) => (text += chunk) !== "") as never);
  const code = await run(argv).finally(() => spy.mockRestore());
  expect(code, text).toBe(0);
  return text;
}

/** The log line, the event and the dead letter of one job that dies. */
async function died(jobs: Jobs, lines: readonly LogLine[]): Promise<Record<"line" | "event" | "letter", unknown>> {
  const event = new Promise<OutcomeEvent>((resolve) => jobs.events.on("settled", resolve));
  const worker = jobs.worker({ jobs: [charge] });
  await worker.start();
  await jobs.enqueue(charge, null);
  const { reason } = await event;
  await worker.stop();
  const [letter] = (await jobs.inspector?.deadLetters()) ?? [];
  const line = lines.find((one) => one.event === "settled");
  return { line: line?.["error"], event: reason?.error, letter: letter?.reason.error };
}

describe.each([inProcess, ...targets])("on $name", (target) => {
  test("class, code, message, stack and causes reach log line, event, dead letter and command", async () => {
    const { url } = await freshStore(target);
    const lines: LogLine[] = [];
    const jobs = await connect(url, { log: (line) => void lines.push(line) });
    onTestFinished(() => jobs.close());
    const seen = await died(jobs, lines);
    expect(seen).toEqual({ line: record, event: record, letter: record });
    for (const one of Object.values(seen)) expect((one as ErrorRecord).stack[0]).toEqual(here);
    // Another process cannot read the memory of this one.
    if (target === inProcess) return;
    expect(await printed("dead", "list", "--url", url)).toContain("CardDeclined: no money");
    const json = await printed("dead", "list", "--json", "--url", url);
    const { id } = JSON.parse(json) as { id: string };
    const page = await printed("dead", "show", id, "--url", url);
    expect(page).toMatch(/^CardDeclined \[card_declined\]: no money\n {4}at .*odd-reasons\.test\.ts/m);
    expect(page).toMatch(/^caused by RangeError: limit of 7\n {4}at .*odd-reasons\.test\.ts/m);
    for (const text of [json, await printed("dead", "show", id, "--json", "--url", url)]) {
      expect(JSON.parse(text)).toMatchObject({ id, reason: { error: record } });
    }
  }, 60_000);
});
