import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, newSecret } from "@waybill/core";
import { createReceiver } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { describe, expect, test } from "vitest";
import { application, listening, type Script, sendingWorker } from "../support/sending-worker.ts";

const completed: Script = (response) => response.writeHead(200, { "waybill-outcome": "completed" }).end();
const broken: Script = (response) => response.socket?.destroy();
const posts = <T extends { readonly method: string }>(asked: readonly T[]): T[] =>
  asked.filter(({ method }) => method === "POST");

describe("a job whose response does not come", () => {
  test("is sent again without an attempt spent, the loss counted beside it", async () => {
    const scripts = [broken, broken, completed];
    const { to, asked } = await application((response, one) =>
      one.method === "HEAD" ? response.writeHead(404).end() : scripts.shift()?.(response, one),
    );
    const { jobs, until } = await sendingWorker({ to });
    await jobs.enqueue("any.type", {});
    const settled = await until(3);
    expect(settled.map(({ outcome, attempt }) => [outcome, attempt])).toEqual([
      ["release", 1],
      ["release", 1],
      ["completed", 1],
    ]);
    // 1 s and 2 s, each with a jitter of 50 %.
    for (const [at, least] of [500, 1_000].entries()) {
      expect(settled[at]?.delayMs).toBeGreaterThanOrEqual(least);
      expect(settled[at]?.delayMs).toBeLessThan(least * 3);
    }
    expect(posts(asked).map(({ headers }) => headers["waybill-lost"])).toEqual(["0", "1", "2"]);
  });

  test("counts as lost at the inactivity timeout too", async () => {
    const { to } = await application((response, { method }) => void (method === "HEAD" && response.end()));
    const { jobs, until } = await sendingWorker({ to, inactivityTimeout: "30ms" });
    await jobs.enqueue("any.type", {});
    const [first] = await until(2);
    expect(first).toMatchObject({ outcome: "release", reason: { code: "RECEIVER_LOST" } });
    expect(first?.reason?.message).toContain("no answer within 30 ms");
  });

  test("is dead by the receiver's response once it has ended the receiver maxLost times", async () => {
    let runs = 0;
    const killer = defineJob({
      type: "killer",
      handler() {
        runs += 1;
        server.closeAllConnections();
      },
    });
    const keys = newSecret();
    const receiver = createReceiver({ jobs: [killer], keys, log: "off", maxLost: 3 });
    const server = createServer(nodeListener(receiver));
    const to = `${await listening(server)}/work`;
    const { jobs, until } = await sendingWorker({ to, keys, maxLost: 3 }, { concurrency: 2, maxLost: 3 });
    await jobs.enqueue("killer", {});
    const settled = await until(4);
    expect(settled.map(({ outcome }) => outcome)).toEqual(["release", "release", "release", "dead"]);
    expect(settled.at(-1)).toMatchObject({ attempt: 1, reason: { code: "WORKER_LOST" } });
    expect(settled.at(-1)?.reason?.message).toMatch(/^3 deliveries ended/);
    expect(runs).toBe(3);
    const [letter] = (await jobs.inspector?.deadLetters({})) ?? [];
    expect(letter?.reason.code).toBe("WORKER_LOST");
  });

  test("is dead by the sender's decision where no receiver is left", async () => {
    const { to, asked } = await application((response, one) =>
      one.method === "HEAD" ? response.end() : broken(response, one),
    );
    const { jobs, until } = await sendingWorker({ to, maxLost: 2 });
    await jobs.enqueue("any.type", {});
    const settled = await until(3);
    expect(posts(asked).map(({ headers }) => headers["waybill-lost"])).toEqual(["0", "1", "2"]);
    expect(settled.at(-1)).toMatchObject({ outcome: "dead", reason: { code: "WORKER_LOST" } });
    expect(settled.at(-1)?.reason?.message).toMatch(/^3 deliveries ended without an answer, the last as http:/);
  });

  test("that outlasts the sender each time is dead at maxLost, whatever responses come in between", async () => {
    // The handler takes longer than the sender waits: every second request finds it still running, or aborted.
    const reasons = ["RUNNING_HERE", "JOB_CANCELLED"];
    let runs = 0;
    const { to, asked } = await application((response, { method, headers }) => {
      if (method === "HEAD") return void response.end();
      if (posts(asked).length % 2 === 0) {
        const reason = reasons[runs % 2] ?? "";
        return void response.writeHead(429, { "waybill-outcome": "release", "waybill-reason": reason }).end();
      }
      if (Number(headers["waybill-lost"]) < 3) return void (runs += 1);
      return void response.writeHead(422, { "waybill-outcome": "dead", "waybill-reason": "WORKER_LOST" }).end();
    });
    const { jobs, until } = await sendingWorker({ to, maxLost: 3, inactivityTimeout: "300ms" });
    await jobs.enqueue("any.type", {});
    const settled = await until(7);
    expect(posts(asked).map(({ headers }) => headers["waybill-lost"])).toEqual(["0", "1", "1", "2", "2", "3", "3"]);
    expect(settled.at(-1)).toMatchObject({ outcome: "dead", attempt: 1, reason: { code: "WORKER_LOST" } });
    expect(runs).toBe(3);
    // A replayed job begins at 0.
    expect(await jobs.inspector?.replay()).toBe(1);
    await until(9);
    expect(posts(asked)[7]?.headers["waybill-lost"]).toBe("0");
  });

  test("that ignores its abort at a receiver of ours is dead at maxLost too", async () => {
    let runs = 0;
    const slow = defineJob({
      type: "slow",
      async handler() {
        runs += 1;
        await sleep(600);
      },
    });
    const keys = newSecret();
    const receiver = createReceiver({ jobs: [slow], keys, log: "off", maxLost: 4, abort: "20ms" });
    const to = `${await listening(createServer(nodeListener(receiver)))}/work`;
    const { jobs, settled } = await sendingWorker({ to, keys, maxLost: 4, inactivityTimeout: "50ms" });
    await jobs.enqueue("slow", {});
    await expect.poll(() => settled.at(-1)?.outcome, { timeout: 25_000 }).toBe("dead");
    expect(settled.at(-1)).toMatchObject({ attempt: 1, reason: { code: "WORKER_LOST" } });
    expect(runs).toBeLessThanOrEqual(4);
    expect(new Set(settled.map(({ reason }) => reason?.code))).toContain("RUNNING_HERE");
  });

  test("is not sent again before a receiver responds, nor is another, so that an outage behind a proxy counts once, however long", async () => {
    let isUp = false;
    const { to, asked } = await application((response, one) =>
      isUp ? completed(response, one) : response.writeHead(502).end(),
    );
    const { jobs, until, unavailable, recovered } = await sendingWorker({ to, maxLost: 2 });
    await jobs.enqueue("any.type", {});
    await until(1);
    await jobs.enqueue("any.type", {});
    await sleep(900);
    expect(posts(asked)).toHaveLength(1);
    expect(asked.length).toBeGreaterThan(3);
    isUp = true;
    expect((await until(3)).map(({ outcome }) => outcome)).toEqual(["release", "completed", "completed"]);
    expect(
      posts(asked)
        .map(({ headers }) => headers["waybill-lost"])
        .sort(),
    ).toEqual(["0", "0", "1"]);
    expect(unavailable.map(({ code, status }) => [code, status])).toEqual([
      ["RECEIVER_LOST", 502],
      ["RECEIVER_UNREACHABLE", 502],
    ]);
    expect(recovered).toHaveLength(1);
  });
});

describe("a job for which no slot is free", () => {
  test("waits in the sender while the receiver is down, and the others wait in their queue", async () => {
    let isUp = false;
    const { to, asked } = await application((response, one) =>
      isUp ? completed(response, one) : response.writeHead(503).end(),
    );
    const { jobs, until, settled } = await sendingWorker({ to }, { concurrency: 2 });
    await Promise.all(Array.from({ length: 20 }, () => jobs.enqueue("any.type", {})));
    await sleep(400);
    expect(settled).toEqual([]);
    expect(new Set(asked.map(({ headers }) => headers["webhook-id"])).size).toBe(2);
    isUp = true;
    expect((await until(20)).map(({ outcome, releases }) => [outcome, releases])).toEqual(
      Array.from({ length: 20 }, () => ["completed", 0]),
    );
  });

  test("runs when one is free: more senders than slots lose no job and spend no attempt", async () => {
    let running = 0;
    let most = 0;
    const nap = defineJob({
      type: "nap",
      async handler() {
        most = Math.max(most, (running += 1));
        await sleep(10);
        running -= 1;
      },
    });
    const keys = newSecret();
    const receiver = createReceiver({ jobs: [nap], keys, concurrency: 2, log: "off" });
    const to = `${await listening(createServer(nodeListener(receiver)))}/work`;
    const { jobs, until } = await sendingWorker({ to, keys, hold: "10s" }, { concurrency: 8 });
    await Promise.all(Array.from({ length: 100 }, () => jobs.enqueue("nap", {})));
    const settled = await until(100);
    expect(settled.filter(({ outcome }) => outcome === "completed")).toHaveLength(100);
    expect(settled.every(({ attempt }) => attempt === 1)).toBe(true);
    expect(most).toBe(2);
  });

  test("is released at once when Retry-After is longer than it may wait", async () => {
    const { to, asked } = await application((response) => response.writeHead(503, { "retry-after": "30" }).end());
    const { jobs, until } = await sendingWorker({ to }, {}, () => ({ retry: async () => {} }));
    await jobs.enqueue("any.type", {});
    expect((await until(1))[0]).toMatchObject({ outcome: "release", delayMs: 30_000 });
    expect(asked).toHaveLength(1);
  });

  test("is released uncounted when the worker stops meanwhile", async () => {
    const { to, asked } = await application((response) => response.writeHead(503).end());
    const { jobs, settled } = await sendingWorker({ to, hold: "1m" });
    await jobs.enqueue("any.type", {});
    await expect.poll(() => asked.length).toBe(1);
    await jobs.close();
    expect(settled).toMatchObject([{ outcome: "release", reason: { code: "SHUTDOWN" }, attempt: 1 }]);
  });
});
