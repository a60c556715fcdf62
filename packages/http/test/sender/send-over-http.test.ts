import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  defineJob,
  type Duration,
  keyRing,
  newId,
  newSecret,
  requestSecret,
  RetryLater,
  type Signature,
  WaybillError,
} from "@waybill/core";
import { signatureFor } from "@waybill/core/endpoint";
import { createReceiver, sendOverHttp } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { Webhook } from "standardwebhooks";
import { describe, expect, onTestFinished, test } from "vitest";
import { application, type Asked, listening, type Script, sendingWorker } from "../support/sending-worker.ts";

const secret = newSecret();
const ok: Script = (response) => response.writeHead(200, { "waybill-outcome": "completed" }).end();
const headersOf = (asked: Asked | undefined): Record<string, string> =>
  (asked?.headers ?? {}) as Record<string, string>;

describe("what is sent", () => {
  test("is the envelope byte for byte, signed as Standard Webhooks has it, with the counts beside it", async () => {
    const id = newId();
    const body = `{"spec":"waybill/1" ,  "id":"${id}","type":"odd.bytes","queue":"mailers","args":[{"t":"\u2028 é 🚚 \\u0007"}]}`;
    const signature = signatureFor(keyRing(newSecret()), id, body);
    const { to, asked } = await application(ok);
    const { jobs, until } = await sendingWorker(
      { to: `${to}?token=1`, keys: [secret, newSecret()], contentType: "text/plain" },
      { queues: ["mailers"] },
      (raw) => ({
        lease: async (request) =>
          (await raw.lease(request)).map((lease) => ({ ...lease, attempt: 3, lost: 2, releases: 5 })),
      }),
    );
    await jobs.enqueueBody(body, signature);
    await until(1);
    const [one] = asked;
    expect(one).toMatchObject({ method: "POST", url: "/work?token=1", body });
    expect(headersOf(one)).toMatchObject({
      "content-type": "text/plain",
      "content-length": String(Buffer.byteLength(body)),
      "webhook-id": id,
      "waybill-type": "odd.bytes",
      "waybill-queue": "mailers",
      "waybill-attempt": "3",
      "waybill-lost": "2",
      "waybill-releases": "5",
      "waybill-signature": signature.value,
      "waybill-signature-timestamp": String(signature.timestamp),
    });
    expect(new Webhook(requestSecret(secret)).verify(one?.body ?? "", headersOf(one))).toMatchObject({ id });
  });

  test("is unsigned by the word for it alone", async () => {
    expect(() => sendOverHttp({ to: "http://h/", keys: "" })).toThrow("a key ring needs at least one secret");
    const { to, asked } = await application(ok);
    const { jobs, until } = await sendingWorker({ to, keys: "unsigned" });
    await jobs.enqueue("any.type", {});
    await until(1);
    expect(headersOf(asked[0])).not.toHaveProperty("webhook-signature");
    expect(headersOf(asked[0])).not.toHaveProperty("waybill-signature");
  });

  test.each<[string, Signature]>([
    ["a line break", { timestamp: 1, value: "v1,a\r\nx-forged: 1" }],
    ["nothing", { timestamp: 1, value: "" }],
    ["a timestamp that is none", { timestamp: Number.NaN, value: "v1,a" }],
  ])("leaves out a producer's signature that holds %s", async (_, signature) => {
    const { to, asked } = await application(ok);
    const { jobs, until } = await sendingWorker({ to });
    const id = newId();
    await jobs.enqueueBody(JSON.stringify({ spec: "waybill/1", id, type: "any.type", args: [] }), signature);
    expect((await until(1))[0]).toMatchObject({ outcome: "completed" });
    expect(headersOf(asked[0])).not.toHaveProperty("waybill-signature");
    expect(headersOf(asked[0])).not.toHaveProperty("x-forged");
  });

  /** Sends a job that asks to be run again at once until it has run `times` times. Returns its settled events, refusals and timestamps. */
  async function runningTimes(times: number, tolerance: Duration) {
    let runs = 0;
    const again = defineJob({
      type: "again",
      handler() {
        if (++runs < times) throw new RetryLater(0);
      },
    });
    const receiver = createReceiver({ jobs: [again], keys: secret, log: "off", tolerance });
    const refused: unknown[] = [];
    receiver.events.on("push_refused", (event) => refused.push(event));
    const timestamps: number[] = [];
    const listener = nodeListener(receiver);
    const server = createServer((request, response) => {
      timestamps.push(Number(request.headers["webhook-timestamp"]));
      listener(request, response);
    });
    const to = `${await listening(server)}/work`;
    const { jobs, until } = await sendingWorker({ to, keys: secret });
    await jobs.enqueue("again", {});
    return { settled: await until(times), refused, timestamps };
  }

  test("has another timestamp each time, so that a receiver's replay protection accepts the same job again", async () => {
    const { settled, refused, timestamps } = await runningTimes(4, "5m");
    expect(settled.map(({ outcome }) => outcome)).toEqual(["release", "release", "release", "completed"]);
    expect(refused).toEqual([]);
    expect(new Set(timestamps).size).toBe(4);
  });

  test("is never far ahead of the clock, so that a job that is released at once again and again is not refused as too new", async () => {
    const { settled, refused } = await runningTimes(40, "15s");
    expect(settled.at(-1)).toMatchObject({ outcome: "completed", releases: 39 });
    expect(refused).toEqual([]);
  });
});

test("what a handler threw at a receiver stands in the dead letter of the queue it came from", async () => {
  const charge = defineJob({
    type: "card.charge",
    retry: { maxAttempts: 1 },
    handler: () => {
      throw new TypeError("no money", { cause: new RangeError("limit of 7") });
    },
  });
  const receiver = createReceiver({ jobs: [charge], keys: secret, log: "off" });
  const to = `${await listening(createServer(nodeListener(receiver)))}/work`;
  const { jobs, until } = await sendingWorker({ to, keys: secret });
  await jobs.enqueue("card.charge", {});
  const [event] = await until(1);
  expect(event?.reason?.error).toMatchObject({
    name: "TypeError",
    message: "no money",
    causes: [{ name: "RangeError", message: "limit of 7" }],
  });
  expect(event?.reason?.error?.stack[0]).toMatch(/^at .*send-over-http\.test\.ts:\d+/);
  expect((await jobs.inspector?.deadLetters())?.[0]?.reason).toEqual(event?.reason);
});

describe("where it is sent", () => {
  test("may be a socket of the file system", async () => {
    const folder = mkdtempSync(join(tmpdir(), "waybill-http-"));
    const socketPath = join(folder, "app.sock");
    const seen: unknown[] = [];
    const server = createServer((request, response) => {
      seen.push([request.url, request.headers.host]);
      response.writeHead(200, { "waybill-outcome": "completed" }).end();
    });
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true });
    });
    await once(server.listen(socketPath), "listening");
    const { jobs, until } = await sendingWorker({ to: `http://unix:${socketPath}:/work?a=b` });
    await jobs.enqueue("any.type", {});
    expect((await until(1))[0]).toMatchObject({ outcome: "completed" });
    expect(seen).toEqual([["/work?a=b", "localhost"]]);
  });

  test.each([
    ["redis://h/1", 'the URL to push to is "redis://h/1": use http://HOST/PATH'],
    ["localhost:3000", "use http://HOST/PATH"],
    ["/work", "use http://HOST/PATH"],
    ["http://me:s3cret@h/", "the URL to push to contains a user or a password"],
    ["http//me:s3cret@h/", 'the URL to push to is "http//***@h/": use http://HOST/PATH'],
    ["ftp://me:s3cret@h/?token=s3cret", 'the URL to push to is "ftp://***@h/": use http://HOST/PATH'],
    ["http://unix:/run/app.sock:/wörk", "percent-encode its path"],
    ["http://unix:/run/app.sock:/work 2", "percent-encode its path"],
  ])("is never %s", (to, message) => {
    expect(() => sendOverHttp({ to, keys: "unsigned" })).toThrow(message);
    expect(() => sendOverHttp({ to, keys: "unsigned" })).not.toThrow("s3cret");
  });

  test.each([
    [{ inactivityTimeout: 0 }, "inactivityTimeout is 0 ms"],
    [{ inactivityTimeout: "30d" }, "inactivityTimeout is 2592000000 ms"],
    [{ connectTimeout: 0 }, "connectTimeout is 0 ms"],
    [{ maxLost: 0 }, "maxLost is 0"],
  ] as const)("%j is refused", (options, message) => {
    expect(() => sendOverHttp({ to: "http://h/", keys: "unsigned", ...options })).toThrow(message);
  });

  test("a worker's own timeout, which would spend an attempt, never comes before the sender's", () => {
    const { timeoutMs } = sendOverHttp({ to: "http://h/", keys: "unsigned", inactivityTimeout: "2h", hold: "1m" });
    expect(timeoutMs).toBeGreaterThan(2 * 3_600_000 + 60_000 + 5_000);
  });

  test("a secret in its query is in no event", async () => {
    const { to } = await application((response) => response.writeHead(404).end());
    const { jobs, until, unavailable } = await sendingWorker({ to: `${to}?token=s3cret`, hold: 0 });
    await jobs.enqueue("any.type", {});
    expect(JSON.stringify([await until(1), unavailable])).not.toContain("s3cret");
  });
});

describe("connections", () => {
  test("are kept and used again", async () => {
    const sockets = new Set<Socket>();
    const { to, server } = await application(ok);
    server.on("connection", (socket) => sockets.add(socket));
    const { jobs, until } = await sendingWorker({ to }, { concurrency: 3 });
    await Promise.all(Array.from({ length: 60 }, () => jobs.enqueue("any.type", {})));
    await until(60);
    expect(sockets.size).toBeLessThanOrEqual(3);
  });

  test("one that the server had closed while it was idle costs the job nothing", async () => {
    const used = new Set<Socket>();
    const server = createServer((request, response) => {
      if (used.has(request.socket)) return request.socket.destroy();
      used.add(request.socket);
      return response.writeHead(200, { "waybill-outcome": "completed" }).end();
    });
    const to = await listening(server);
    const { jobs, until, unavailable } = await sendingWorker({ to }, { concurrency: 1 });
    await Promise.all(Array.from({ length: 5 }, () => jobs.enqueue("any.type", {})));
    expect((await until(5)).map(({ outcome }) => outcome)).toEqual(Array(5).fill("completed"));
    expect(unavailable).toEqual([]);
  });

  test("a response without end is not read to the end", async () => {
    let sent = 0;
    const { to } = await application((response) => {
      response.writeHead(200);
      const more = (error?: Error | null): void => {
        // Node 26 says it here alone: the response counts as open until its "close".
        if (error) return;
        sent += 65_536;
        if (!response.destroyed && sent < 1e9) response.write(Buffer.alloc(65_536), more);
      };
      more();
    });
    const { jobs, until } = await sendingWorker({ to });
    await jobs.enqueue("any.type", {});
    expect((await until(1))[0]).toMatchObject({ outcome: "completed" });
    await sleep(50);
    expect(sent).toBeLessThan(1e8);
  });

  test("breaks when the worker stops, so that the receiver may stop too; the job is released uncounted", async () => {
    let gone = (): void => {};
    const isGone = new Promise<void>((resolve) => (gone = resolve));
    const { to, asked } = await application((response) => void response.once("close", gone));
    const { jobs, settled } = await sendingWorker({ to });
    await jobs.enqueue("any.type", {});
    await expect.poll(() => asked.length).toBe(1);
    await jobs.close();
    await isGone;
    expect(settled).toMatchObject([{ outcome: "release", delayMs: 0, reason: { code: "SHUTDOWN" }, attempt: 1 }]);
  });

  test("breaks when the lease is lost", async () => {
    let gone = (): void => {};
    const isGone = new Promise<void>((resolve) => (gone = resolve));
    const { to } = await application((response) => void response.once("close", gone));
    const error = new WaybillError("LEASE_LOST", "another has it");
    const { jobs } = await sendingWorker({ to }, { lease: 120 }, () => ({
      extend: async (leases) => leases.map(() => ({ ok: false, error })),
    }));
    const lost = new Promise((resolve) => jobs.events.on("lease_lost", resolve));
    await jobs.enqueue("any.type", {});
    await isGone;
    expect(await lost).toMatchObject({ during: "run" });
  });
});
