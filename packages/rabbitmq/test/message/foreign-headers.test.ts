import { connect, defineJob } from "@waybill/core";
import { jobMetrics } from "@waybill/core/metrics";
import { type OddValues, oddValues } from "@waybill/test-servers";
import { connect as dial } from "amqplib";
import { expect, onTestFinished, test } from "vitest";
import { header } from "../../src/message/label.ts";
import { names } from "../../src/topology/topology.ts";
import { freshStore } from "../fixture.ts";

const COUNT = 60;

const HEADERS = [...Object.values(header), "x-delivery-count", "x-death", "x-first-death-queue"];

/** Returns a header of any type that AMQP has. */
function headerValue(odd: OddValues): unknown {
  switch (odd.below(9)) {
    case 0:
      return { "!": "timestamp", value: odd.below(1e9) };
    case 1:
      return { "!": "decimal", value: { digits: odd.below(1_000), places: odd.below(5) } };
    case 2:
      return Buffer.from("bytes\u00ff", "latin1");
    case 3:
      return { "!": "float", value: odd.below(100) / 7 };
    case 4:
      return { "!": "int64", value: odd.pick([0, -1, 2 ** 40, Number.MIN_SAFE_INTEGER]) };
    case 5:
      return odd.pick([[], [1, [2]], [{ reason: 5, time: "now" }], [null], { nested: { table: true } }]);
    case 6:
      return odd.pick([null, true, false]);
    case 7:
      return odd.text();
    default:
      return odd.number();
  }
}

function headersOf(odd: OddValues): Record<string, unknown> {
  const chosen = Array.from({ length: 1 + odd.below(6) }, () => odd.pick(HEADERS));
  return Object.fromEntries(chosen.map((name) => [name, headerValue(odd)]));
}

/** At most 255 bytes, as AMQP has it. */
const short = (odd: OddValues): string => odd.text().slice(0, 60);

test(`${COUNT} messages and ${COUNT} dead letters with headers of any type stop no worker, and all dead letters are listed`, async () => {
  const store = await freshStore({}, { queues: ["default", "mail"] });
  onTestFinished(() => store.remove());
  const odd = oddValues(41);
  const [ran, ids]: [string[], string[]] = [[], []];
  const good = defineJob({ type: "good", handler: (_, { id }) => void ran.push(id) });
  const jobs = await connect(store.url, { log: "off" });
  onTestFinished(() => jobs.close());
  const rejections: string[] = [];
  jobs.events.on("rejected", ({ reason }) => void rejections.push(reason.code));
  const metrics = jobMetrics(jobs);
  for (let count = 0; count < 20; count += 1) ids.push((await jobs.enqueue(good, { count })).id);
  const connection = await dial(store.url.replace(/\?.*$/, ""));
  onTestFinished(() => connection.close());
  const channel = await connection.createConfirmChannel();
  for (let count = 0; count < COUNT; count += 1) {
    const headers = headersOf(odd);
    // A due time far ahead is valid: the message would wait.
    delete headers[header.dueAt];
    const body =
      odd.below(3) === 0 ? Buffer.from([0x7b, 0xff, count]) : Buffer.from(odd.garbled('{"spec":"waybill/1"}'));
    const named = odd.below(2) === 0 ? {} : { messageId: short(odd), type: short(odd) };
    channel.publish("", `${store.prefix}.default`, body, { persistent: true, headers, ...named });
    const dead = { headers: headersOf(odd), messageId: `dead-${count}`, type: short(odd) };
    // A third name a queue, so that they can be replayed.
    if (count % 3 === 0) Object.assign(dead.headers, { [header.queue]: "mail", "x-death": [] });
    channel.publish("", `${store.prefix}:dead`, Buffer.from(odd.text()), { persistent: true, ...dead });
  }
  await channel.waitForConfirms();
  const worker = jobs.worker({ jobs: [good] });
  await worker.start();
  ids.push((await jobs.enqueue(good, { last: true })).id);
  const list = async () => (await jobs.inspector?.deadLetters({ limit: Infinity })) ?? [];
  await expect.poll(() => rejections.length, { timeout: 20_000 }).toBe(COUNT);
  await expect.poll(() => ran.length, { timeout: 10_000 }).toBe(ids.length);
  expect(ran.toSorted()).toEqual(ids.toSorted());
  expect(new Set(rejections)).toContain("ENCODING_INVALID");
  const letters = await list();
  expect(letters).toHaveLength(2 * COUNT);
  for (const { diedAt, attempt, queue, damage } of letters) {
    expect(() => new Date(diedAt ?? 0).toISOString()).not.toThrow();
    expect(attempt).toBeGreaterThanOrEqual(1);
    expect(queue === "").toBe(damage !== undefined);
  }
  const dead = (await jobs.inspector?.counts())?.reduce((sum, queue) => sum + queue.dead, 0);
  expect(dead).toBe(2 * COUNT);
  expect(await metrics.prometheus()).toContain("waybill_dead_total");
  const damaged = letters.filter(({ damage }) => damage !== undefined);
  expect(damaged.length).toBeGreaterThan(0);
  expect(await jobs.inspector?.replay({ ids: damaged.map(({ id }) => id), queue: "" })).toBe(0);
  expect(await jobs.inspector?.replay({ queue: "mail", limit: Infinity })).toBe(Math.ceil(COUNT / 3));
  expect((await worker.stop()).rejected).toBe(COUNT);
  expect(await jobs.inspector?.drop({ limit: Infinity })).toBe(2 * COUNT - Math.ceil(COUNT / 3));
  expect(await list()).toEqual([]);
});

test.each([header.tenant, header.signature])(
  "a message whose %s fills its headers is dead-lettered like any other",
  async (name) => {
    const store = await freshStore();
    onTestFinished(() => store.remove());
    const good = defineJob({ type: "good", handler: () => undefined });
    const jobs = await connect(store.url, { log: "off" });
    onTestFinished(() => jobs.close());
    await jobs.enqueue(good, {});
    const ended = new Promise<string>((resolve) => {
      jobs.events.on("rejected", ({ reason }) => resolve(reason.code));
      jobs.events.on("unavailable", ({ message }) => resolve(message));
    });
    const connection = await dial(store.url.replace(/\?.*$/, ""));
    onTestFinished(() => connection.close());
    const channel = await connection.createConfirmChannel();
    const headers = { [header.signedAt]: 1, [name]: "x".repeat(65_380) };
    channel.publish("", names.workQueue(store.prefix, "default"), Buffer.from("no envelope"), {
      messageId: "1",
      type: "t",
      headers,
    });
    await channel.waitForConfirms();
    await jobs.worker({ jobs: [good] }).start();
    expect(await ended).toBe("JSON_SYNTAX");
  },
);
