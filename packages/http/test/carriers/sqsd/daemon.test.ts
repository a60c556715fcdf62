import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Handler, handlerFor, defineJob } from "@waybill/core";
import {
  makeSqsQueue,
  type Sqsd,
  type SqsdOptions,
  type SqsQueue,
  startFauxqsHere,
  startSqsd,
} from "@waybill/test-servers";
import { afterEach, beforeAll, expect, test } from "vitest";
import { createReceiver, type Receiver, type ReceiverOptions, signedWrapper, sqsd } from "../../../src/index.ts";
import { nodeListener } from "../../../src/node/index.ts";
import { envelope, idIn, keys, signedAttributes } from "../../support/daemon-request.ts";

let endpoint = "";
const open: (() => Promise<unknown> | void)[] = [];
beforeAll(async () => {
  const sqs = await startFauxqsHere();
  endpoint = `http://127.0.0.1:${sqs.port}`;
  return () => sqs.stop();
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

const work = defineJob({ type: "work", timeout: "60s", retry: { maxAttempts: 3 } });

interface Scene {
  readonly receiver: Receiver;
  readonly server: Server;
  readonly daemon: Sqsd;
  readonly queue: SqsQueue;
  /** One line for each run: the attempt, and how the handler ended. */
  readonly runs: string[];
  /** Handlers that ran at the same time. */
  readonly most: () => number;
}

/** A queue, the daemon, and an application with one job. What SQS hides after a failure is visible again at once. */
async function scene(
  handler: Handler<unknown>,
  daemonOptions: Partial<SqsdOptions> & { readonly maxRetries?: number } = {},
  options: Partial<ReceiverOptions> = {},
): Promise<Scene> {
  const runs: string[] = [];
  let running = 0;
  let most = 0;
  const counted = handlerFor(work, async (payload, job) => {
    most = Math.max(most, (running += 1));
    try {
      await handler(payload, job);
      runs.push(`${job.attempt}: done`);
    } catch (error) {
      runs.push(`${job.attempt}: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    } finally {
      running -= 1;
    }
  });
  const httpConnections = daemonOptions.httpConnections ?? 10;
  const carriers = [sqsd({ keys, httpConnections })];
  const receiver = createReceiver({ jobs: [counted], carriers, log: "off", ...options });
  const server = createServer(nodeListener(receiver)).listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const postTo = `http://127.0.0.1:${(server.address() as AddressInfo).port}/work`;
  const name = `q${Math.random().toString(36).slice(2)}`;
  const queue = await makeSqsQueue(endpoint, name, daemonOptions.maxRetries ?? 10);
  const daemon = startSqsd({
    endpoint,
    queueUrl: queue.url,
    postTo,
    httpConnections,
    errorVisibilityTimeout: 0,
    ...daemonOptions,
  });
  open.push(() => daemon.stop());
  return { receiver, server, daemon, queue, runs, most: () => most };
}

async function send({ queue }: Scene, body: string = envelope("work")): Promise<string> {
  await queue.send(body, signedAttributes(body));
  return idIn(body);
}

const results = ({ daemon }: Scene) => daemon.posts.map(({ receiveCount, result }) => `${receiveCount}: ${result}`);
const empty = ({ queue }: Scene) => expect.poll(() => queue.count(), { timeout: 10_000 }).toBe(0);

test("R8: a job that completes is deleted, whether it is signed beside the body or around it", async () => {
  const stage = await scene(() => {});
  await send(stage);
  await stage.queue.send(signedWrapper(keys, envelope("work")));
  await empty(stage);
  expect(results(stage)).toEqual(["1: 200", "1: 200"]);
});

test("R8: a job that throws comes again, and each delivery is an attempt", async () => {
  const stage = await scene((_, job) => {
    if (job.attempt < 3) throw new Error("not yet");
  });
  await send(stage);
  await empty(stage);
  expect(stage.runs).toEqual(["1: not yet", "2: not yet", "3: done"]);
  expect(results(stage)).toEqual(["1: 500", "2: 500", "3: 200"]);
});

test("R8: a job that always throws has its attempts, and is in the dead-letter queue after MaxRetries", async () => {
  const stage = await scene(
    () => {
      throw new Error("never");
    },
    { maxRetries: 3 },
  );
  await send(stage);
  await empty(stage);
  expect(await stage.queue.deadCount()).toBe(1);
  expect(results(stage)).toEqual(["1: 500", "2: 500", "3: 422"]);
});

test("R8: a dead job that the receiver keeps is deleted from the queue", async () => {
  const kept: string[] = [];
  const keepDead = async ({ id, code }: { id: string | null; code: string }) => void kept.push(`${id} ${code}`);
  const stage = await scene(() => Promise.reject(new Error("never")), {}, { keepDead });
  const id = await send(stage);
  await empty(stage);
  expect(results(stage)).toEqual(["1: 500", "2: 500", "3: 200"]);
  expect([kept, await stage.queue.deadCount()]).toEqual([[`${id} ATTEMPTS_EXHAUSTED`], 0]);
});

test("R8: a job that outlasts InactivityTimeout is aborted and delivered again, never run twice at the same time", async () => {
  const slow: Handler<unknown> = async (_, job) => {
    if (job.attempt === 1) await sleep(5_000, null, { signal: job.signal });
  };
  const stage = await scene(slow, { inactivityTimeout: 200 });
  await send(stage);
  await empty(stage);
  expect(stage.runs).toEqual(["1: The operation was aborted", "2: done"]);
  expect([results(stage)[0], stage.most()]).toEqual(["1: timeout", 1]);
});

test("R8: a handler that is unresponsive to its abort is not run a second time meanwhile", async () => {
  const stage = await scene((_, job) => sleep(job.attempt === 1 ? 700 : 0), {
    inactivityTimeout: 150,
    maxRetries: 100,
  });
  await send(stage);
  await empty(stage);
  expect([stage.most(), await stage.queue.deadCount()]).toEqual([1, 0]);
});

test("R8: with a VisibilityTimeout shorter than the job, the second delivery joins the run of the first", async () => {
  const stage = await scene(() => sleep(1_300), { visibilityTimeout: 1 });
  await send(stage);
  await empty(stage);
  await expect.poll(() => results(stage)).toEqual(["1: 200", "2: 200"]);
  expect([stage.runs, stage.most()]).toEqual([["1: done"], 1]);
});

test("R8: a job with a bad signature never runs, and ends in the dead-letter queue", async () => {
  const stage = await scene(() => {}, { maxRetries: 3 });
  const body = envelope("work");
  await stage.queue.send(body, { ...signedAttributes(body), "webhook-timestamp": "1790000000" });
  await stage.queue.send(body);
  await empty(stage);
  expect([stage.runs, await stage.queue.deadCount()]).toEqual([[], 2]);
  expect(new Set(stage.daemon.posts.map(({ result }) => result))).toEqual(new Set([403]));
});

test("R8: when no slot is free, the daemon's other requests wait: each job costs one delivery", async () => {
  const options = { concurrency: 3, log: "off" } as const;
  const stage = await scene(() => sleep(20), { httpConnections: 20 }, options);
  await Promise.all(Array.from({ length: 60 }, () => send(stage)));
  await empty(stage);
  expect([stage.most(), stage.runs.length, stage.daemon.posts.length]).toEqual([3, 60, 60]);
  expect(stage.receiver.load()).toMatchObject({ running: 0, waiting: 0 });
});

test("beyond the limit of waiting requests a request is answered 429 at once, and comes again", async () => {
  const carriers = [sqsd({ keys, httpConnections: 1 })];
  const stage = await scene(() => sleep(50), { httpConnections: 10 }, { concurrency: 1, carriers });
  await Promise.all(Array.from({ length: 4 }, () => send(stage)));
  await expect.poll(() => stage.runs.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(1);
  await expect.poll(() => stage.daemon.posts.some(({ result }) => result === 429)).toBe(true);
  expect(stage.most()).toBe(1);
});

test("R8: a connection that breaks under a job aborts it; the daemon POSTs again at once, and nothing is lost", async () => {
  let broken = false;
  const stage: Scene = await scene(async (_, job) => {
    if (broken) return;
    broken = true;
    stage.server.closeAllConnections();
    await sleep(5_000, null, { signal: job.signal });
  });
  await send(stage);
  await empty(stage);
  expect([stage.runs.at(-1)?.replace(/\d+: /, ""), stage.most()]).toEqual(["done", 1]);
  expect(await stage.queue.deadCount()).toBe(0);
});

test("R8: a periodic task's tick runs its job and is deleted; one that is not in the list is not run", async () => {
  const periodic = { nightly: { path: "/tasks/nightly", job: work, schedule: "* * * * *" } };
  const carriers = [sqsd({ keys, httpConnections: 10, periodic })];
  const stage = await scene(() => {}, { maxRetries: 2 }, { carriers, allowIps: ["127.0.0.1"] });
  const now = new Date().toISOString();
  await stage.daemon.tick("nightly", "/tasks/nightly", now);
  await stage.daemon.tick("hourly", "/tasks/hourly", now);
  await empty(stage);
  expect([stage.runs, await stage.queue.deadCount()]).toEqual([["1: done"], 1]);
});

test("R8: during a shutdown running jobs finish, and waiting requests get one response, at the end", async () => {
  const stage = await scene(() => sleep(300), { errorVisibilityTimeout: 60 }, { concurrency: 2 });
  await Promise.all(Array.from({ length: 6 }, () => send(stage)));
  await expect.poll(() => stage.receiver.load().waiting).toBe(4);
  const stopping = stage.receiver.stop();
  await send(stage);
  const report = await stopping;
  await expect.poll(() => stage.daemon.posts.length).toBe(7);
  expect(results(stage)).toEqual([...Array<string>(2).fill("1: 200"), ...Array<string>(5).fill("1: 503")]);
  expect([report.completed, report.unfinished, await stage.queue.count()]).toEqual([2, 0, 5]);
});
