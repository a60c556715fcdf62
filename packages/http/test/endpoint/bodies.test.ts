import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { defineJob } from "@waybill/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { envelope, idIn } from "../support/daemon-request.ts";
import { gate, keys, now, post, receiving, signed } from "../support/signed-requests.ts";

const ran: string[] = [];
const job = defineJob({ type: "work", handler: (_, { delivery }) => void ran.push(delivery.body) });
const lastBody = (): string | undefined => ran.at(-1);

/** A connection that sends what the test writes, and remembers what came back. */
async function wire(url: string): Promise<{ socket: Socket; got: () => string; closed: Promise<unknown> }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const closed = once(socket, "close");
  await once(socket, "connect");
  return { socket, got: () => text, closed };
}

function head(body: string, more: Readonly<Record<string, string | number>> = {}): string {
  const fields = { host: "app", "content-length": Buffer.byteLength(body), ...signed(body), ...more };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /work HTTP/1.1\r\n${lines.join("")}\r\n`;
}

const statusesIn = (text: string): string[] => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code ?? "");

describe("R67: a body is its bytes, whatever its content type", () => {
  test.each([
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
    "multipart/form-data; boundary=x",
    "text/plain; charset=iso-8859-1",
    "nonsense",
  ])("%s", async (type) => {
    const { push } = await receiving({ jobs: [job] });
    const body = envelope("work", { text: "ö \u2028 😀" });
    expect((await push(body, { headers: { "content-type": type } })).status).toBe(200);
    expect(lastBody()).toBe(body);
  });

  test("and without any type", async () => {
    const { url } = await receiving({ jobs: [job] });
    const body = envelope("work");
    const { socket, got } = await wire(url);
    socket.write(head(body) + body);
    await expect.poll(got).toMatch(/^HTTP\/1.1 200/);
  });

  test("the largest envelope of the spec runs, sent whole or in chunks", async () => {
    const { push, url } = await receiving({ jobs: [job] });
    const frame = envelope("work", { text: "" });
    const body = frame.replace('""', `"${"x".repeat(1_048_576 - frame.length)}"`);
    expect(Buffer.byteLength(body)).toBe(1_048_576);
    expect((await push(body)).status).toBe(200);
    expect(lastBody()).toBe(body);
    const chunked = new Blob([body]).stream();
    const more = { duplex: "half" } as RequestInit;
    const headers = signed(body, { timestamp: now() - 5 });
    const response = await fetch(url, { method: "POST", body: chunked, headers, ...more });
    expect(response.status).toBe(200);
  });
});

describe("a body that cannot be read", () => {
  test("over the limit is a 413, unread if it has a content-length", async () => {
    const { push, url, lines } = await receiving({ jobs: [job], maxBodyBytes: 1_000 });
    const body = envelope("work", { text: "x".repeat(2_000) });
    const response = await push(body);
    expect(response).toMatchObject({ status: 413, json: { code: "BODY_TOO_LARGE" } });
    expect(response.headers.get("connection")).toBe("close");
    const { socket, got, closed } = await wire(url);
    socket.write(head(body));
    await closed;
    expect(statusesIn(got())).toEqual(["413"]);
    expect(lines.at(-1)).toMatchObject({ event: "push_refused", code: "BODY_TOO_LARGE" });
  });

  test("with a content-length of eleven digits is a 413, unread", async () => {
    const { url } = await receiving({ jobs: [job], bodyTimeout: 2_000 });
    const { socket, got, closed } = await wire(url);
    socket.write(head(envelope("work"), { "content-length": "10000000000" }));
    await closed;
    expect(statusesIn(got())).toEqual(["413"]);
  });

  test("that grows over the limit without a content-length is a 413", async () => {
    const { url } = await receiving({ jobs: [job], maxBodyBytes: 1_000 });
    const { socket, got, closed } = await wire(url);
    const fields = Object.entries(signed("{}", { id: "msg_1" })).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST /work HTTP/1.1\r\nhost: app\r\n${fields.join("")}transfer-encoding: chunked\r\n\r\n`);
    socket.write(`7d0\r\n${"x".repeat(2_000)}\r\n`);
    await closed;
    expect(statusesIn(got())).toEqual(["413"]);
  });

  test("that comes too slowly is a 408, and the job may come again", async () => {
    const { url } = await receiving({ jobs: [job], bodyTimeout: 60 });
    const body = envelope("work");
    const { socket, got, closed } = await wire(url);
    socket.write(head(body) + body.slice(0, 10));
    await closed;
    expect(got()).toMatch(/^HTTP\/1.1 408[^]*waybill-outcome: release[^]*retry-after: 1[^]*"BODY_TIMEOUT"/);
    expect(ran).not.toContain(body);
  });

  test("that breaks off runs no job, and the receiver continues", async () => {
    const { url, push, lines, receiver } = await receiving({ jobs: [job] });
    const body = envelope("work");
    const { socket } = await wire(url);
    socket.write(head(body) + body.slice(0, -1));
    await sleep(10);
    socket.destroy();
    await expect.poll(() => lines.at(-1)).toMatchObject({ event: "push_refused", code: "BODY_INCOMPLETE" });
    expect(receiver.load().running).toBe(0);
    expect((await push(body)).status).toBe(200);
  });

  test("is not UTF-8 and signed: a 400 that says the job is dead", async () => {
    const { url } = await receiving({ jobs: [job] });
    const bytes = Buffer.from([0x7b, 0xff, 0x7d]);
    const timestamp = now();
    const value = keys.requests.sign({ id: "msg_1", timestamp, body: bytes });
    const headers = { "webhook-id": "msg_1", "webhook-timestamp": `${timestamp}`, "webhook-signature": value };
    const response = await post(url, bytes, { headers });
    expect(response).toMatchObject({ status: 400, json: { code: "ENCODING_INVALID" } });
    expect(response.headers.get("waybill-outcome")).toBe("dead");
  });

  test("is empty, and signed: a 400 that says the job is dead", async () => {
    const { push } = await receiving({ jobs: [job] });
    const response = await push("", { as: { id: "msg_2" } });
    expect(response).toMatchObject({ status: 400, json: { code: "JSON_SYNTAX" } });
    expect(response.headers.get("waybill-outcome")).toBe("dead");
  });
});

describe("a connection", () => {
  test("is kept alive through refusals and jobs, one after the other", async () => {
    const { url } = await receiving({ jobs: [job] });
    const { socket, got } = await wire(url);
    const [first, second] = [envelope("work"), envelope("work")];
    socket.write(head(first, { "webhook-signature": "v1,forged" }) + first);
    await expect.poll(() => statusesIn(got())).toEqual(["403"]);
    socket.write(head(first) + first);
    await expect.poll(() => statusesIn(got())).toEqual(["403", "200"]);
    socket.write(head(second) + second);
    await expect.poll(() => statusesIn(got())).toEqual(["403", "200", "200"]);
  });

  test("has the responses to pipelined requests in their order, though the second job ends first", async () => {
    const { opened, open } = gate();
    const slow = defineJob({ type: "slow", handler: () => opened });
    const fast = defineJob({ type: "fast", handler: open });
    const { url } = await receiving({ jobs: [slow, fast] });
    const { socket, got } = await wire(url);
    const [first, second] = [envelope("slow"), envelope("fast")];
    socket.write(head(first) + first + head(second) + second);
    await expect.poll(() => statusesIn(got())).toEqual(["200", "200"]);
    expect(got().indexOf(idIn(first))).toBeLessThan(got().indexOf(idIn(second)));
  });

  test("that closes aborts every job whose response it waits for", async () => {
    const aborted: string[] = [];
    const { receiver, url } = await receiving({
      jobs: [
        defineJob({
          type: "waiting",
          handler: (_, { id, signal }) =>
            new Promise<void>((resolve) => {
              signal.addEventListener("abort", () => {
                aborted.push(`${id} ${signal.reason.code}`);
                resolve();
              });
            }),
        }),
      ],
    });
    const { socket } = await wire(url);
    const [first, second] = [envelope("waiting"), envelope("waiting")];
    socket.write(head(first) + first + head(second) + second);
    await expect.poll(() => receiver.load().running).toBe(2);
    socket.destroy();
    await expect
      .poll(() => aborted.toSorted())
      .toEqual([first, second].map((body) => `${idIn(body)} JOB_CANCELLED`).toSorted());
    await expect.poll(() => receiver.load().running).toBe(0);
  });
});

test("a full receiver answers before a large body has come, but reads one that may be of a job it runs", async () => {
  const { opened, open } = gate();
  const slow = defineJob({ type: "slow", handler: () => opened });
  const { url, push, receiver, underway } = await receiving({ jobs: [slow], concurrency: 1 });
  const running = envelope("slow", { text: "x".repeat(100_000) });
  const first = push(running);
  await expect.poll(() => receiver.load().running).toBe(1);

  const large = envelope("slow", { text: "y".repeat(100_000) });
  const { socket, got } = await wire(url);
  socket.write(head(large));
  await expect.poll(got).toMatch(/^HTTP\/1.1 429[^]*retry-after: 1[^]*"FULL"/);

  const joined = push(running, { as: { timestamp: now() - 5 } });
  expect((await push(envelope("slow"))).status).toBe(429);
  await underway(2);
  open();
  expect([(await first).status, (await joined).status]).toEqual([200, 200]);
});
