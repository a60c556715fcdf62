import { AsyncLocalStorage } from "node:async_hooks";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { currentJob, defineJob, EventBus, type JobContext, type Middleware, type WaybillError } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { createReceiver } from "../../src/index.ts";
import { nodeListener } from "../../src/node/index.ts";
import { envelope, idIn } from "../support/daemon-request.ts";
import { gate, keys, now, post, receiving, signed } from "../support/signed-requests.ts";
import { listening } from "../support/sending-worker.ts";

/** A job that waits for the test, with its runs and their abort reasons. */
function blocking(type = "blocking") {
  const { opened, open } = gate();
  const runs: JobContext[] = [];
  const reasons: string[] = [];
  let most = 0;
  let running = 0;
  const job = defineJob({
    type,
    async handler(_, context) {
      runs.push(context);
      running += 1;
      most = Math.max(most, running);
      context.signal.addEventListener("abort", () => reasons.push((context.signal.reason as WaybillError).code));
      await opened.finally(() => (running -= 1));
    },
  });
  return { job, runs, reasons, open, most: () => most };
}

/** Signed in another second, as a second sender would. */
const again = { as: { timestamp: now() - 5 } };

describe("a second delivery of a job that runs here", () => {
  test("waits for the same response, and the job runs once", async () => {
    const { job, runs, open } = blocking();
    const { push, receiver, underway } = await receiving({ jobs: [job], concurrency: 1 });
    const body = envelope("blocking");
    const first = push(body);
    await expect.poll(() => receiver.load().running).toBe(1);
    const second = push(body, again);
    await underway(2);
    open();
    const [one, other] = await Promise.all([first, second]);
    expect([one.status, other.status]).toEqual([200, 200]);
    expect(other.json).toEqual(one.json);
    expect(runs).toHaveLength(1);
  });

  test("with other bytes under its id is a conflict, and leaves the first alone", async () => {
    const { job, reasons, open } = blocking();
    const { push, receiver } = await receiving({ jobs: [job] });
    const body = envelope("blocking");
    const first = push(body);
    await expect.poll(() => receiver.load().running).toBe(1);
    const other = await push(body.replace("{}", '{"n":"2"}'));
    expect(other).toMatchObject({ status: 409, json: { code: "ID_CONFLICT" } });
    open();
    expect((await first).status).toBe(200);
    expect(reasons).toEqual([]);
  });

  test("is not started a second time while its handler is unresponsive to the abort, though its outcome was sent", async () => {
    const { job, runs, open } = blocking();
    const unresponsive = { ...job, timeoutMs: 20 };
    const { push, receiver } = await receiving({ jobs: [unresponsive], concurrency: 1 });
    const body = envelope("blocking");
    expect((await push(body)).json).toMatchObject({ code: "JOB_TIMEOUT" });
    expect(receiver.load().running).toBe(0);
    const delays = [];
    for (const releases of ["0", "1", "9"]) {
      const response = await push(body, { headers: { "waybill-releases": releases } });
      expect(response.json).toMatchObject({ status: 429, code: "RUNNING_HERE" });
      delays.push(response.headers.get("waybill-delay-ms"));
    }
    expect(delays).toEqual(["1000", "2000", "60000"]);
    open();
    await expect.poll(async () => (await push(body)).status).toBe(200);
    expect(runs).toHaveLength(2);
  });
});

describe("a sender that goes away", () => {
  test("aborts its job, and the reason says why", async () => {
    const { job, reasons, open } = blocking();
    const { push, receiver, lines } = await receiving({ jobs: [job], abort: 50 });
    const leaving = new AbortController();
    const first = push(envelope("blocking"), { signal: leaving.signal });
    await expect.poll(() => receiver.load().running).toBe(1);
    leaving.abort();
    await expect(first).rejects.toThrow();
    await expect.poll(() => reasons).toEqual(["JOB_CANCELLED"]);
    await expect.poll(() => lines.at(-1)).toMatchObject({ event: "settled", outcome: "release" });
    expect(receiver.load().running).toBe(0);
    open();
  });

  test("leaves the job to another sender that waits for it too", async () => {
    const { job, reasons, open } = blocking();
    const { push, receiver, underway } = await receiving({ jobs: [job] });
    const body = envelope("blocking");
    const leaving = new AbortController();
    const first = push(body, { signal: leaving.signal });
    await expect.poll(() => receiver.load().running).toBe(1);
    const second = push(body, again);
    await underway(2);
    leaving.abort();
    await expect(first).rejects.toThrow();
    await sleep(20);
    open();
    expect((await second).status).toBe(200);
    expect(reasons).toEqual([]);
  });

  test("comes back for the same job: it is joined while its handler still ends", async () => {
    const { job, runs, open } = blocking();
    const { push, receiver, underway } = await receiving({ jobs: [job], abort: "2s" });
    const body = envelope("blocking");
    const leaving = new AbortController();
    const first = push(body, { signal: leaving.signal });
    await expect.poll(() => receiver.load().running).toBe(1);
    leaving.abort();
    await expect(first).rejects.toThrow();
    await expect.poll(() => runs[0]?.signal.aborted).toBe(true);
    const second = push(body, again);
    await underway(2);
    open();
    expect((await second).status).toBe(200);
    expect(runs).toHaveLength(1);
  });
});

test("R12: of 50 pushes at once into 8 slots at most 8 run, the rest are refused at once with a Retry-After, and all have run in the end", async () => {
  const { opened, open } = gate();
  const done: string[] = [];
  let running = 0;
  let most = 0;
  const job = defineJob({
    type: "short",
    async handler(_, { id }) {
      running += 1;
      most = Math.max(most, running);
      await opened;
      await sleep(5);
      running -= 1;
      done.push(id);
    },
  });
  const { push } = await receiving({ jobs: [job], concurrency: 8, log: "off" });
  let refused = 0;

  async function untilTaken(body: string): Promise<void> {
    for (;;) {
      const { status, headers, json } = await push(body);
      if (status === 200) return;
      expect({ status, code: json["code"], retryAfter: headers.get("retry-after") }).toEqual({
        status: 429,
        code: "FULL",
        retryAfter: "1",
      });
      refused += 1;
      // No slot becomes free before all others were refused: none of them waited for one.
      if (refused === 42) open();
      await opened;
      await sleep(20);
    }
  }

  const bodies = Array.from({ length: 50 }, () => envelope("short"));
  await Promise.all(bodies.map(untilTaken));
  expect(most).toBe(8);
  expect(done.toSorted()).toEqual(bodies.map(idIn).toSorted());
});

const theirs = new AsyncLocalStorage<string>();

for (const concurrency of [1, 8]) {
  test(`R1: a pushed job starts with an empty scope, whatever its request or an earlier job has entered, at concurrency ${concurrency}`, async () => {
    const seen: (string | undefined)[] = [];
    const leaky = defineJob({
      type: "leaky",
      async handler(payload) {
        seen.push(theirs.getStore());
        const { n } = payload as { n: string };
        if (n === "1" || n === "3") theirs.enterWith(`left by job ${n}`);
        await sleep(n === "2" ? 5 : 0);
      },
    });
    const receiver = createReceiver({ jobs: [leaky], keys, concurrency, log: "off" });
    const listener = nodeListener(receiver);
    const server = createServer((request, response) => {
      // As a middleware does that keeps a context for each request.
      theirs.enterWith("a request");
      listener(request, response);
    });
    const url = `${await listening(server)}/work`;
    const bodies = ["1", "2", "3", "4", "5"].map((n) => envelope("leaky", { n }));
    const push = async (body: string): Promise<number> => (await post(url, body, { headers: signed(body) })).status;
    if (concurrency === 1) for (const body of bodies) expect(await push(body)).toBe(200);
    else expect(await Promise.all(bodies.map(push))).toEqual([200, 200, 200, 200, 200]);
    expect(seen).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });
}

test("currentJob() is the pushed job, in a receiver that is called within another scope", async () => {
  const seen: unknown[] = [];
  const job = defineJob({ type: "clean", handler: () => void seen.push(theirs.getStore(), currentJob().id) });
  const { receiver, url } = await receiving({ jobs: [job] });
  const body = envelope("clean");
  const request = new Request(url, { method: "POST", headers: signed(body), body });
  const response = await theirs.run("a request", () => receiver(request));
  expect(response.status).toBe(200);
  expect(seen).toEqual([undefined, idIn(body)]);
});

test("a pushed job goes through the middleware, the first outermost, and its events are on the given bus", async () => {
  const seen: string[] = [];
  const job = defineJob({ type: "wrapped", handler: () => void seen.push("handler") });
  const around =
    (name: string): Middleware =>
    async (_job, next) => {
      seen.push(name);
      await next();
    };
  const events = new EventBus();
  events.on("finished", ({ id, outcome }) => seen.push(`${outcome} ${id}`));
  const { push } = await receiving({ jobs: [job], middleware: [around("first"), around("second")], events });
  const body = envelope("wrapped");
  expect((await push(body)).status).toBe(200);
  expect(seen).toEqual(["first", "second", "handler", `completed ${idIn(body)}`]);
});
