import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { newId, type OutcomeEvent } from "@waybill/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { application, sendingWorker } from "../support/sending-worker.ts";

interface Row {
  readonly what: string;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Of the settled job: outcome, reason's code, delay. */
  readonly becomes: readonly [outcome: OutcomeEvent["outcome"], code?: string, delayMs?: number];
  readonly message?: string | RegExp;
  /** Whether it is announced as a receiver that is not there. */
  readonly announced?: true;
}

const problem = (code: string, detail?: string): string =>
  JSON.stringify({ type: `urn:waybill:problem:${code.toLowerCase()}`, title: "T", status: 1, code, detail });
const outcome = (kind: string, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  "waybill-outcome": kind,
  ...more,
});

const rows: readonly Row[] = [
  { what: "a receiver's completed", status: 200, headers: outcome("completed"), becomes: ["completed"] },
  {
    what: "a receiver's retry, its delay to the millisecond",
    status: 500,
    headers: outcome("retry", { "waybill-delay-ms": "4321", "retry-after": "5", "waybill-reason": "ECARD" }),
    body: problem("ECARD", "Error: declined"),
    becomes: ["retry", "ECARD", 4_321],
    message: "Error: declined",
  },
  {
    what: "a retry whose reason fits no header",
    status: 500,
    headers: outcome("retry", { "waybill-delay-ms": "1" }),
    body: problem("zu spät", "Error: late"),
    becomes: ["retry", "zu spät", 100],
  },
  {
    what: "a receiver's release",
    status: 429,
    headers: outcome("release", { "waybill-delay-ms": "700", "waybill-reason": "RETRY_LATER" }),
    body: problem("RETRY_LATER", "not yet"),
    becomes: ["release", "RETRY_LATER", 700],
    message: "not yet",
  },
  {
    what: "a receiver's dead",
    status: 422,
    headers: outcome("dead", { "waybill-reason": "DEAD_LETTERED" }),
    body: problem("DEAD_LETTERED", "no such order"),
    becomes: ["dead", "DEAD_LETTERED"],
    message: "no such order",
  },
  {
    what: "an outcome from the future",
    status: 200,
    headers: outcome("postponed"),
    becomes: ["release", "HTTP_200", 1_000],
    announced: true,
  },
  {
    what: "a receiver that is full",
    status: 429,
    headers: outcome("release", { "waybill-delay-ms": "1000" }),
    body: problem("FULL"),
    becomes: ["release", "FULL", 1_000],
  },
  {
    what: "a receiver that drains",
    status: 503,
    headers: outcome("release", { "waybill-delay-ms": "1000", connection: "close" }),
    body: problem("DRAINING"),
    becomes: ["release", "DRAINING", 1_000],
  },
  {
    what: "a receiver with another key or path",
    status: 403,
    body: problem("FORBIDDEN"),
    becomes: ["release", "FORBIDDEN", 1_000],
    message:
      /^http:\/\/127\.0\.0\.1:\d+\/work answered 403 FORBIDDEN; its log says why: compare WAYBILL_KEYS here and there$/,
    announced: true,
  },
  ...[-1, 1].map((hours) => ({
    what: `a receiver whose clock is ${hours} h ahead`,
    status: 403,
    headers: { date: new Date(Date.now() + hours * 3_600_000).toUTCString() },
    body: problem("FORBIDDEN"),
    becomes: ["release", "FORBIDDEN", 1_000] as const,
    message: hours > 0 ? /; its clock is 3[56]\d\d s ahead of this machine's/ : /; its clock is 3\d\d\d s behind this/,
    announced: true as const,
  })),
  {
    what: "a receiver that broke before it looked",
    status: 500,
    body: problem("INTERNAL"),
    becomes: ["release", "INTERNAL", 1_000],
    announced: true,
  },
  { what: "another application's 200", status: 200, body: "thanks", becomes: ["completed"] },
  { what: "another application's 204", status: 204, becomes: ["completed"] },
  { what: "another application's 500", status: 500, becomes: ["retry", "HTTP_500"], message: /answered 500$/ },
  { what: "another application's 400", status: 400, becomes: ["retry", "HTTP_400"] },
  { what: "another application's 422", status: 422, body: '{"code":"NO"}', becomes: ["retry", "HTTP_422"] },
  { what: "another application's 429", status: 429, becomes: ["release", "HTTP_429", 1_000] },
  {
    what: "another application's 429 that says when",
    status: 429,
    headers: { "retry-after": "7" },
    becomes: ["release", "HTTP_429", 7_000],
  },
  {
    what: "a Retry-After beyond all measure",
    status: 429,
    headers: { "retry-after": "99999999" },
    becomes: ["release", "HTTP_429", 3_600_000],
  },
  {
    what: "a Retry-After in the past",
    status: 429,
    headers: { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" },
    becomes: ["release", "HTTP_429", 100],
  },
  {
    what: "a Retry-After that is none",
    status: 429,
    headers: { "retry-after": "soon" },
    becomes: ["release", "HTTP_429", 1_000],
  },
  { what: "a proxy without an application", status: 503, becomes: ["release", "HTTP_503", 1_000], announced: true },
  ...[301, 302, 307, 308].map((status) => ({
    what: `a redirect ${status}`,
    status,
    headers: { location: "/elsewhere" },
    becomes: ["release", `HTTP_${status}`, 1_000] as const,
    announced: true as const,
  })),
  ...[401, 403, 404, 405, 413, 415].map((status) => ({
    what: `a stranger's ${status}`,
    status,
    becomes: ["release", `HTTP_${status}`, 1_000] as const,
    announced: true as const,
  })),
  ...[502, 504].map((status) => ({
    what: `a proxy whose application broke off, ${status}`,
    status,
    becomes: ["release", "RECEIVER_LOST"] as const,
    announced: true as const,
  })),
];

describe("a response settles the job", () => {
  test.each(rows)("$what: $becomes", async ({ status, headers = {}, body = "", becomes, message, announced }) => {
    const { to, asked } = await application((response) => response.writeHead(status, headers).end(body));
    const retry = { jitter: false, initial: "9s" } as const;
    const { jobs, until, unavailable } = await sendingWorker({ to, hold: 0, retry });
    await jobs.enqueue("any.type", {});
    const [settled] = await until(1);
    const [kind, code, delayMs] = becomes;
    expect(settled).toMatchObject({ outcome: kind, attempt: 1, ...(code && { reason: { code } }) });
    if (kind === "retry" && delayMs === undefined) expect(settled?.delayMs).toBe(9_000);
    else if (code !== "RECEIVER_LOST") expect(settled?.delayMs).toBe(delayMs);
    if (message !== undefined) expect(settled?.reason?.message).toEqual(expect.stringMatching(message));
    expect(unavailable.map((event) => event.status)).toEqual(announced ? [status] : []);
    expect(asked[0]).toMatchObject({ method: "POST", url: "/work" });
  });

  test("an outcome whose body breaks off stands: the head said it", async () => {
    const { to } = await application((response) => {
      response.writeHead(500, {
        ...outcome("retry", { "waybill-delay-ms": "300", "waybill-reason": "X" }),
        "content-length": 9,
      });
      response.write("{", () => response.destroy());
    });
    const { jobs, until } = await sendingWorker({ to });
    await jobs.enqueue("any.type", {});
    expect((await until(1))[0]).toMatchObject({ outcome: "retry", reason: { code: "X" }, delayMs: 300 });
  });

  test("another application's 200 that breaks off is no success: it may have died at the work", async () => {
    const { to } = await application((response) => {
      response.writeHead(200, { "content-length": 9 });
      response.write("{", () => response.destroy());
    });
    const { jobs, until } = await sendingWorker({ to });
    await jobs.enqueue("any.type", {});
    expect((await until(1))[0]).toMatchObject({ outcome: "release", reason: { code: "RECEIVER_LOST" } });
  });

  test("a dead job that asked to be forgotten is not kept", async () => {
    const forgotten = outcome("dead", { "waybill-reason": "ATTEMPTS_EXHAUSTED", "waybill-kept": "false" });
    const { to } = await application((response) => response.writeHead(422, forgotten).end());
    const { jobs, until } = await sendingWorker({ to });
    await jobs.enqueue("any.type", {});
    await until(1);
    expect(await jobs.inspector?.deadLetters({})).toEqual([]);
  });

  test("the attempts at another application are those of the envelope", async () => {
    const { to } = await application((response) => response.writeHead(500).end());
    const { jobs, until } = await sendingWorker({ to });
    await jobs.enqueue("any.type", {}, { retry: { maxAttempts: 3 } });
    const settled = await until(3);
    expect(settled.map(({ outcome: kind, attempt }) => [kind, attempt])).toEqual([
      ["retry", 1],
      ["retry", 2],
      ["dead", 3],
    ]);
    expect(settled.at(-1)?.reason?.code).toBe("ATTEMPTS_EXHAUSTED");
  });
});

/** Listens without speaking HTTP. Returns the port. */
async function stranger(says: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    says(socket);
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

describe("without a response the job is settled too", () => {
  test("at a port without a listener: released, with a longer delay each time, and announced once", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    const { jobs, until, unavailable } = await sendingWorker({ to: `http://127.0.0.1:${port}/work`, hold: 0 });
    await jobs.enqueue("any.type", {});
    const settled = (await until(9)).slice(0, 9);
    expect(settled.map(({ delayMs }) => delayMs)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((s) => s * 1_000));
    for (const one of settled) {
      expect(one).toMatchObject({ outcome: "release", attempt: 1, lost: 0, reason: { code: "RECEIVER_UNREACHABLE" } });
    }
    expect(unavailable).toMatchObject([{ status: null, message: expect.stringContaining("ECONNREFUSED") }]);
  });

  test("at a host name that does not exist", async () => {
    const { jobs, until } = await sendingWorker({ to: "http://nowhere.invalid/work", hold: 0 });
    await jobs.enqueue("any.type", {});
    expect((await until(1))[0]?.reason).toMatchObject({
      code: "RECEIVER_UNREACHABLE",
      message: expect.stringMatching(/^http:\/\/nowhere\.invalid\/work cannot be reached: .*(ENOTFOUND|EAI_AGAIN)/),
    });
  });

  test("after a handshake that does not end, at the connect timeout", async () => {
    const to = `https://127.0.0.1:${await stranger(() => {})}/work`;
    const { jobs, until } = await sendingWorker({ to, hold: 0, connectTimeout: "50ms" });
    await jobs.enqueue("any.type", {});
    expect((await until(1))[0]?.reason).toMatchObject({
      code: "RECEIVER_UNREACHABLE",
      message: expect.stringContaining("no connection within 50 ms"),
    });
  });

  test("at a server that does not speak HTTP", async () => {
    const port = await stranger((socket) => void socket.end("SSH-2.0-OpenSSH_9.2\r\n"));
    const to = `http://127.0.0.1:${port}/work`;
    const { jobs, until } = await sendingWorker({ to, hold: 0 });
    await jobs.enqueue("any.type", {}, { id: newId() });
    expect((await until(1))[0]).toMatchObject({ lost: 0, reason: { code: "RECEIVER_UNREACHABLE" } });
  });

  test.each([
    ["more headers than are read", `x-long: ${"x".repeat(20_000)}`, "HPE_HEADER_OVERFLOW"],
    ["a header that is none", "no header: 1", "HPE_INVALID_HEADER_TOKEN"],
    ["two lengths", "content-length: 0\r\ncontent-length: 1", "HPE_UNEXPECTED_CONTENT_LENGTH"],
  ])(
    "after a response with %s: a server that speaks HTTP may have run the job, so it is counted",
    async (_, line, why) => {
      const response = `HTTP/1.1 200 OK\r\n${line}\r\nconnection: close\r\n\r\n`;
      const port = await stranger((socket) => void socket.once("data", () => socket.end(response)));
      const { jobs, until } = await sendingWorker({ to: `http://127.0.0.1:${port}/work`, hold: 0 });
      await jobs.enqueue("any.type", {});
      expect((await until(1))[0]?.reason).toMatchObject({
        code: "RECEIVER_LOST",
        message: expect.stringContaining(why),
      });
    },
  );
});
