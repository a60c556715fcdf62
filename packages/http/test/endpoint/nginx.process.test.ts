import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type LogLine, RetryLater } from "@waybill/core";
import { signatureFor } from "@waybill/core/endpoint";
import { makeSqsQueue, type Nginx, startFauxqsHere, startNginx, startSqsd } from "@waybill/test-servers";
import { afterEach, describe, expect, test } from "vitest";
import { createReceiver, native, type Receiver, type ReceiverOptions, sqsd } from "../../src/index.ts";
import { nodeListener } from "../../src/node/index.ts";
import { daemonHeaders, envelope, idIn, keys, signedAttributes } from "../support/daemon-request.ts";

const open: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

/** A receiver on a socket of the file system, nginx before it, and the headers that came through. */
async function behindNginx(
  options: Pick<ReceiverOptions, "jobs"> & Partial<ReceiverOptions>,
  nginx: { readonly directives?: readonly string[] } = {},
): Promise<{
  readonly receiver: Receiver;
  readonly nginx: Nginx;
  readonly came: IncomingHttpHeaders[];
  readonly server: Server;
}> {
  const folder = mkdtempSync(join(tmpdir(), "waybill-http-"));
  const came: IncomingHttpHeaders[] = [];
  const carriers = [sqsd({ keys, httpConnections: 10 }), native({ keys })];
  const receiver = createReceiver({ carriers, log: "off", ...options });
  const listener = nodeListener(receiver);
  const server = createServer((request, response) => {
    came.push(request.headers);
    listener(request, response);
  }).listen(join(folder, "app.sock"));
  await once(server, "listening");
  const upstream = `http://unix:${join(folder, "app.sock")}:`;
  const proxy = await startNginx({ upstream, logFormat: "$status $upstream_http_x_waybill_job", ...nginx });
  open.push(async () => {
    await proxy.stop();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return { receiver, nginx: proxy, came, server };
}

/** What our own sender adds to a body. */
function nativeHeaders(body: string): Record<string, string> {
  const { timestamp, value } = signatureFor(keys.requests, idIn(body), body);
  return {
    "webhook-id": idIn(body),
    "webhook-timestamp": String(timestamp),
    "webhook-signature": value,
    "waybill-attempt": "2",
    "waybill-lost": "1",
    "waybill-releases": "3",
    "waybill-type": "work",
    "waybill-queue": "default",
    "waybill-signature-timestamp": String(timestamp),
    "waybill-signature": value,
  };
}

const post = (url: string, body: string, headers: Record<string, string>): Promise<Response> =>
  fetch(`${url}/work`, { method: "POST", body, headers });

test("R9: a proxy that gives up aborts the job, and the delivery that follows is not a second run", async () => {
  const startedAt: number[] = [];
  const abortedAfterMs: number[] = [];
  let running = 0;
  let most = 0;
  const unresponsive = defineJob({
    type: "work",
    timeout: "20s",
    async handler(_, job) {
      most = Math.max(most, (running += 1));
      const from = performance.now();
      startedAt.push(from);
      job.signal.addEventListener("abort", () => abortedAfterMs.push(performance.now() - from));
      await sleep(4_000);
      running -= 1;
    },
  });
  const { nginx } = await behindNginx({ jobs: [unresponsive] }, { directives: ["proxy_read_timeout 2s"] });
  const sqs = await startFauxqsHere();
  const endpoint = `http://127.0.0.1:${sqs.port}`;
  const queue = await makeSqsQueue(endpoint, "nginx", 10);
  const body = envelope("work");
  await queue.send(body, signedAttributes(body));
  const daemon = startSqsd({
    endpoint,
    queueUrl: queue.url,
    postTo: `${nginx.url}/work`,
    httpConnections: 10,
    errorVisibilityTimeout: 1,
  });
  open.push(async () => {
    await daemon.stop();
    await sqs.stop();
  });
  await expect.poll(() => queue.count(), { timeout: 20_000, interval: 100 }).toBe(0);
  expect(daemon.posts[0]).toMatchObject({ receiveCount: 1, result: 504 });
  expect(daemon.posts.at(-1)).toMatchObject({ result: 200 });
  expect(abortedAfterMs[0]).toBeGreaterThan(1_500);
  expect(abortedAfterMs[0]).toBeLessThan(2_500);
  expect([most, await queue.deadCount()]).toEqual([1, 0]);
});

describe("through an nginx without settings for it", () => {
  const outcomes = defineJob({
    type: "work",
    timeout: "20s",
    handler(payload) {
      const { ends = "well" } = payload as { readonly ends?: string };
      if (ends === "later") throw new RetryLater(90_000);
      if (ends === "badly") throw new Error("no");
    },
  });

  test("R10: a signed job verifies, and every header of ours survives both ways", async () => {
    const { nginx, came } = await behindNginx({ jobs: [outcomes] });
    const signed = envelope("work", { ends: "later" });
    const attributes = { ...signedAttributes(signed), "waybill-delivery": "attempt=2 lost=0 releases=1", a_b: "lost" };
    const sent = [nativeHeaders(signed), daemonHeaders({ body: signed, attributes })];
    for (const [at, headers] of sent.entries()) {
      const response = await post(nginx.url, signed, headers);
      const received = Object.fromEntries(response.headers);
      expect([response.status, received]).toEqual([
        429,
        expect.objectContaining({
          "waybill-outcome": "release",
          "waybill-delay-ms": "90000",
          "waybill-reason": "RETRY_LATER",
          "retry-after": "90",
          "x-waybill-job": idIn(signed),
        }),
      ]);
      const lost = Object.keys(headers).filter((name) => !Object.hasOwn(came[at] ?? {}, name.toLowerCase()));
      // The one that is not ours shows what becomes of a name with an underscore.
      expect(lost).toEqual(at === 0 ? [] : ["X-Aws-Sqsd-Attr-a_b"]);
    }
  });

  test("R14: X-Waybill-Job in the access log joins it to the receiver's own, one line to one", async () => {
    const lines: LogLine[] = [];
    const { nginx } = await behindNginx({ jobs: [outcomes], log: (line) => lines.push(line) });
    for (const ends of ["well", "badly", "later", "well"]) {
      const body = envelope("work", { ends });
      await post(nginx.url, body, nativeHeaders(body));
    }
    await post(nginx.url, envelope("work"), {});
    await expect.poll(() => nginx.accessLog().length).toBe(5);
    const settled = lines.filter(({ event }) => event === "settled").map(({ id }) => id);
    const joined = nginx.accessLog().map((line) => line.split(" "));
    expect(joined.map(([, id]) => id)).toEqual([...settled, "-"]);
    expect(joined.map(([status]) => status)).toEqual(["200", "500", "429", "200", "403"]);
    expect(new Set(settled).size).toBe(4);
  });

  test("an X-Forwarded-For opens nothing: the peer is the socket, and no signature is spared", async () => {
    const body = envelope("work");
    const forged = { "x-forwarded-for": "10.0.0.1", "x-real-ip": "10.0.0.1", forwarded: "for=10.0.0.1" };
    const within = await behindNginx({ jobs: [outcomes], allowIps: ["10.0.0.0/8", "127.0.0.1"] });
    expect((await post(within.nginx.url, body, { ...nativeHeaders(body), ...forged })).status).toBe(403);
    const local = await behindNginx({ jobs: [outcomes], allowIps: ["unix"] });
    const unsigned = daemonHeaders({ body, headers: { ...forged, "x-forwarded-for": "127.0.0.1" } });
    expect((await post(local.nginx.url, body, unsigned)).status).toBe(403);
    expect((await post(local.nginx.url, body, nativeHeaders(body))).status).toBe(200);
  });
});

test("R10: no header that push reads or writes has a name that a proxy may drop", () => {
  const pages = ["push.md", "signing.md"].map((name) => new URL(`../../../../spec/1.0/${name}`, import.meta.url));
  const files = [
    "carriers/sqsd/sqsd.ts",
    "carriers/sqsd/periodic-tasks.ts",
    "carriers/native.ts",
    "receiver/outcome-response.ts",
  ];
  const sources = files.map((name) => new URL(`../../src/${name}`, import.meta.url));
  const text = [...pages, ...sources].map((file) => readFileSync(file, "utf8")).join("\n");
  const names = [...text.matchAll(/["'`]((?:x-)?(?:waybill|webhook|aws-sqsd)[-_.][\w.-]+)["'`]/gi)].map(
    ([, name]) => name ?? "",
  );
  expect(new Set(names).size).toBeGreaterThan(15);
  expect(names.filter((name) => !/^[A-Za-z0-9-]+$/.test(name))).toEqual([]);
});
