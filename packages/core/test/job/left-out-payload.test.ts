import { expect, test } from "vitest";
import { z } from "zod";
import { defineJob, type JobDefinition, newId } from "../../src/index.ts";
import { runInline, testJobs } from "../../src/testing/index.ts";

const ran: unknown[] = [];
const handler = (payload: unknown): void => void ran.push(payload);
const sweep = defineJob({ type: "sweep", payload: z.object({ limit: z.number() }).optional(), handler });
const page = defineJob({ type: "page", payload: z.number().default(1), handler });
const ship = defineJob({ type: "ship", payload: z.object({ order: z.string() }), handler });
const loose = defineJob({ type: "loose", handler });

/** As plain JavaScript calls it. */
const unchecked = (job: unknown): JobDefinition<undefined> => job as JobDefinition<undefined>;

test("a payload that its schema lets be undefined may be left out, and arrives as what the schema makes of it", async () => {
  ran.length = 0;
  const jobs = await testJobs({ jobs: [sweep, page] });
  await jobs.enqueue(sweep);
  await jobs.enqueue(sweep, undefined, { delay: "1m" });
  const results = await jobs.enqueueMany([{ job: page }, { job: page, payload: 7 }]);
  expect(results.map(({ ok }) => ok)).toEqual([true, true]);
  expect(jobs.enqueued(sweep)).toEqual([undefined, undefined]);
  await jobs.drain();
  await jobs.advance("1m");
  await jobs.close();
  await runInline(page);
  expect(ran).toEqual([undefined, 1, 7, undefined, 1]);
});

test("a payload that is left out travels as an empty list of arguments, which other languages may send as well", async () => {
  ran.length = 0;
  const bodies: string[] = [];
  const jobs = await testJobs({
    jobs: [sweep, ship],
    middleware: [async ({ delivery }, next) => void [bodies.push(delivery.body), await next()]],
  });
  await jobs.enqueue(sweep);
  await jobs.enqueueBody(JSON.stringify({ spec: "waybill/1", id: newId(), type: "ship", args: [] }));
  const ended = await jobs.drain();
  await jobs.close();
  expect(JSON.parse(bodies[0] ?? "")).toMatchObject({ type: "sweep", args: [] });
  const outcomes = ended.map(({ type, outcome, reason }) => [type, reason?.code ?? outcome]);
  expect(outcomes.toSorted()).toEqual([
    ["ship", "PAYLOAD_INVALID"],
    ["sweep", "completed"],
  ]);
  expect(ran).toEqual([undefined]);
});

test("a payload that its schema needs, or that no schema says may be left out, is asked for", async () => {
  const jobs = await testJobs({ jobs: [ship, loose] });
  await expect(jobs.enqueue(unchecked(ship))).rejects.toThrow(
    'the payload of "ship" does not fit its schema: payload: none was given (undefined); give one, or let the schema take undefined',
  );
  await expect(jobs.enqueue(unchecked(loose))).rejects.toThrow(
    'the payload of "loose" cannot be enqueued: payload: none was given (undefined); pass one after the job: any JSON value, such as null',
  );
  const [item] = await jobs.enqueueMany([{ job: unchecked(ship) }]);
  expect(item).toMatchObject({ ok: false, error: { code: "PAYLOAD_INVALID" } });
  await jobs.close();
});

class Money {
  readonly cents = 1;
}

test.each<readonly [what: string, payload: unknown, said: RegExp]>([
  [
    "a Date",
    { at: new Date(0) },
    /"loose" cannot be enqueued: at: a Date would not arrive as one; send its ISO string, date\.toISOString\(\)$/,
  ],
  ["a Map", { sizes: new Map() }, /sizes: a Map .* send an object, Object\.fromEntries\(map\)$/],
  ["a Set", [new Set()], /\[0\]: a Set .* send an array, \[\.\.\.set\]$/],
  [
    "an instance of a class",
    { order: { price: new Money() } },
    /order\.price: a Money .* send plain data, such as \{ \.\.\.value \}$/,
  ],
  ["bytes", { file: Buffer.from("x") }, /file: a Buffer .* send base64 text$/],
  ["a bigint", { total: 1n }, /total: a bigint has no form in JSON; send a string$/],
  ["a function", { done: () => {} }, /done: a function has no form in JSON; send data alone$/],
  ["a symbol", Symbol("s"), /payload: a symbol has no form in JSON; send a string$/],
  ["a number that is none", { n: NaN }, /n: NaN has no form in JSON; send null or a string$/],
  ["undefined in a list", [1, undefined], /\[1\]: undefined has no form in JSON; send null, or leave the member out$/],
])("%s is refused by the place where it is, with what to send instead", async (_, payload, said) => {
  const jobs = await testJobs({ jobs: [loose] });
  await expect(jobs.enqueue(loose, payload)).rejects.toThrow(said);
  await jobs.close();
});
