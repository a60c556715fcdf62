import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  makeSqsQueue,
  type Sqsd,
  type SqsdOptions,
  type SqsQueue,
  startFauxqsHere,
  startSqsd,
} from "@waybill/test-servers";
import { afterEach, beforeAll, expect, test } from "vitest";

let endpoint = "";
const open: (() => Promise<void> | void)[] = [];
beforeAll(async () => {
  const sqs = await startFauxqsHere();
  endpoint = `http://127.0.0.1:${sqs.port}`;
  return () => sqs.stop();
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

/** Starts the daemon between a queue and an application that responds by `respond`, which gets the number of the POST from 1. */
async function between(
  respond: (nth: number, response: ServerResponse, request: IncomingMessage) => void,
  options: Partial<SqsdOptions> & { readonly maxRetries?: number } = {},
): Promise<{ readonly daemon: Sqsd; readonly queue: SqsQueue }> {
  let count = 0;
  const server = createServer((request, response) => {
    request.resume();
    respond((count += 1), response, request);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const queue = await makeSqsQueue(endpoint, `q${Math.random().toString(36).slice(2)}`, options.maxRetries ?? 10);
  const postTo = `http://127.0.0.1:${(server.address() as AddressInfo).port}/work`;
  const daemon = startSqsd({ endpoint, queueUrl: queue.url, postTo, errorVisibilityTimeout: 0, ...options });
  open.push(() => daemon.stop());
  return { daemon, queue };
}

const resultsOf = ({ posts }: Sqsd) => posts.map(({ receiveCount, result }) => `${receiveCount}: ${result}`);

test("the daemon deletes a message on exactly 200, and delivers it again after every other response", async () => {
  const statuses = [201, 204, 302, 403, 500, 503, 200];
  const { daemon, queue } = await between((nth, response) => response.writeHead(statuses[nth - 1] ?? 599).end());
  await queue.send("a job");
  await expect.poll(() => queue.count()).toBe(0);
  expect(resultsOf(daemon)).toEqual(statuses.map((status, at) => `${at + 1}: ${status}`));
});

test("a message is hidden for ErrorVisibilityTimeout after a failure", async () => {
  const at: number[] = [];
  const options = { errorVisibilityTimeout: 1 };
  const { queue } = await between((_, response) => at.push(Date.now()) && response.writeHead(500).end(), options);
  await queue.send("a job");
  await expect.poll(() => at.length, { timeout: 5_000 }).toBe(2);
  expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(900);
});

test("a connection that the application closes is POSTed to again at once, the message still hidden", async () => {
  const { daemon, queue } = await between((nth, response) => {
    if (nth < 3) response.socket?.end();
    else response.end();
  });
  await queue.send("a job");
  await expect.poll(() => queue.count()).toBe(0);
  expect(resultsOf(daemon)).toEqual(["1: closed", "1: closed", "1: 200"]);
});

test("no response within InactivityTimeout is a failure, and so is a reset", async () => {
  const respond = (nth: number, response: ServerResponse): unknown =>
    nth === 1 ? null : nth === 2 ? response.socket?.resetAndDestroy() : response.end();
  const { daemon, queue } = await between(respond, { inactivityTimeout: 100 });
  await queue.send("a job");
  await expect.poll(() => queue.count()).toBe(0);
  expect(resultsOf(daemon)).toEqual(["1: timeout", "2: failed", "3: 200"]);
});

test("a job longer than VisibilityTimeout is delivered a second time while the first runs", async () => {
  const waiting: ServerResponse[] = [];
  const { daemon, queue } = await between((_, response) => waiting.push(response), { visibilityTimeout: 1 });
  await queue.send("a job");
  await expect.poll(() => waiting.length, { timeout: 5_000 }).toBe(2);
  expect(daemon.posting()).toBe(2);
  for (const response of waiting) response.end();
  await expect.poll(() => resultsOf(daemon)).toEqual(["1: 200", "2: 200"]);
});

test("after MaxRetries deliveries a message is in the dead-letter queue", async () => {
  const { daemon, queue } = await between((_, response) => response.writeHead(500).end(), { maxRetries: 3 });
  await queue.send("a job");
  await expect.poll(() => queue.deadCount()).toBe(1);
  expect(resultsOf(daemon)).toEqual(["1: 500", "2: 500", "3: 500"]);
});

test("no more than HttpConnections are POSTed at once", async () => {
  let most = 0;
  const waiting: ServerResponse[] = [];
  const { daemon, queue } = await between(
    (_, response) => {
      most = Math.max(most, waiting.push(response));
      setTimeout(() => waiting.splice(waiting.indexOf(response), 1)[0]?.end(), 20);
    },
    { httpConnections: 3 },
  );
  await Promise.all(Array.from({ length: 20 }, (_, at) => queue.send(`job ${at}`)));
  await expect.poll(() => queue.count(), { timeout: 5_000 }).toBe(0);
  expect([most, daemon.posts.length]).toEqual([3, 20]);
});

test("attributes become headers, and a periodic task has a path of its own, no body and a time", async () => {
  const requests: IncomingMessage[] = [];
  const { daemon, queue } = await between((_, response, request) => requests.push(request) && response.end());
  await queue.send("a job", { "waybill-id": "1" });
  await daemon.tick("nightly", "/tasks/nightly", "2026-11-25T00:00:00Z");
  await expect.poll(() => requests.length).toBe(2);
  const [job, tick] = requests.toSorted((a, b) => (a.url === "/work" ? -1 : 0) - (b.url === "/work" ? -1 : 0));
  expect(job).toMatchObject({
    url: "/work",
    headers: {
      "user-agent": expect.stringMatching(/^aws-sqsd\//),
      "x-aws-sqsd-attr-waybill-id": "1",
      "content-length": "5",
    },
  });
  expect(tick).toMatchObject({
    url: "/tasks/nightly",
    headers: {
      "content-length": "0",
      "x-aws-sqsd-taskname": "nightly",
      "x-aws-sqsd-scheduled-at": "2026-11-25T00:00:00Z",
    },
  });
});
