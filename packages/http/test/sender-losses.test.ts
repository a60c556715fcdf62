import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, newSecret } from "@waybill/core";
import { createReceiver } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { describe, expect, test } from "vitest";
import { application, listening, type Script, sendingWorker } from "./sending.ts";

const completed: Script = (response) => response.writeHead(200, { "waybill-outcome": "completed" }).end();
const broken: Script = (response) => response.socket?.destroy();
const posts = <T extends { readonly method: string }>(asked: readonly T[]): T[] =>
  asked.filter(({ method }) => method === "POST");

describe("a job whose answer does not come", () => {
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
    // 1 s and 2 s, each half to half more of it.
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

  test("is dead at the receiver's word once it has ended it maxLost times", async () => {
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

  test("is dead by the sender's own word where nobody is left to say it", async () => {
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

  test("is not sent again before somebody is there, nor is another, so that an outage behind a proxy counts once, however long", async () => {
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

describe("a job for whom there is no place", () => {
  test("waits here while the receiver is away, and the others wait in their queue", async () => {
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

  test("comes in when one is free: more senders than places lose nothing and spend nothing", async () => {
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

  test("goes back at once where it is told to come later than it could wait", async () => {
    const { to, asked } = await application((response) => response.writeHead(503, { "retry-after": "30" }).end());
    const { jobs, until } = await sendingWorker({ to }, {}, () => ({ retry: async () => {} }));
    await jobs.enqueue("any.type", {});
    expect((await until(1))[0]).toMatchObject({ outcome: "release", delayMs: 30_000 });
    expect(asked).toHaveLength(1);
  });

  test("goes back uncounted when the worker stops meanwhile", async () => {
    const { to, asked } = await application((response) => response.writeHead(503).end());
    const { jobs, settled } = await sendingWorker({ to, hold: "1m" });
    await jobs.enqueue("any.type", {});
    await expect.poll(() => asked.length).toBe(1);
    await jobs.close();
    expect(settled).toMatchObject([{ outcome: "release", reason: { code: "SHUTDOWN" }, attempt: 1 }]);
  });
});
