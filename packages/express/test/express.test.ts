import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { connect, defineJob, keyRing, type LogLine, newId, newSecret, type WaybillError } from "@waybill/core";
import { createIngress, createReceiver, type Receiver, sqsd } from "@waybill/http";
import express5 from "express";
import { describe, expect, onTestFinished, test } from "vitest";
import { keepRawBody, waybill } from "../src/index.ts";

// The types of Express 5 say enough of 4 for this.
const express4 = createRequire(import.meta.url)("express-4") as typeof express5;
const keys = keyRing(newSecret());
/** The two differ in the value of `body` when nothing was parsed, and in how `url` is rewritten. */
const versions = [
  ["Express 5", express5],
  ["Express 4", express4],
] as const;

interface Seen {
  readonly ran: string[];
  readonly lines: LogLine[];
  readonly receiver: Receiver;
}

function receiving(): Seen {
  const ran: string[] = [];
  const lines: LogLine[] = [];
  const job = defineJob({ type: "work", timeout: "1m", handler: (_, { delivery }) => void ran.push(delivery.body) });
  const carriers = [sqsd({ keys, httpConnections: 10 })];
  const receiver = createReceiver({ jobs: [job], keys, carriers, log: (line) => lines.push(line) });
  return { ran, lines, receiver };
}

async function listening(application: Parameters<typeof createServer>[1]): Promise<string> {
  const server: Server = createServer(application);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** As `JSON.stringify` writes it, or as another language does, with spaces. */
const envelope = (space = ""): string =>
  JSON.stringify({ spec: "waybill/1", id: newId(), type: "work", args: [{}] }, null, space);

function signed(body: string, by = keys.requests): Record<string, string> {
  const { id } = JSON.parse(body) as { id: string };
  const timestamp = Math.floor(Date.now() / 1_000);
  const value = by.sign({ id, timestamp, body });
  return { "webhook-id": id, "webhook-timestamp": `${timestamp}`, "webhook-signature": value };
}

const daemon = { "user-agent": "aws-sqsd/3.0.4", "x-aws-sqsd-msgid": "m", "x-aws-sqsd-receive-count": "1" };

async function post(url: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

describe.each(versions)("%s", (version, express) => {
  const parsers = [
    [
      "before express.json()",
      (app: express5.Express, { receiver }: Seen) => app.use(waybill(receiver)).use(express.json()),
    ],
    [
      "after express.json()",
      (app: express5.Express, { receiver }: Seen) => app.use(express.json()).use(waybill(receiver)),
    ],
    [
      "after express.json() that keeps the bytes",
      (app: express5.Express, { receiver }: Seen) =>
        app.use(express.json({ verify: keepRawBody })).use(waybill(receiver)),
    ],
    [
      "after express.raw()",
      (app: express5.Express, { receiver }: Seen) =>
        app
          .use("/work", express.raw({ type: "*/*" }))
          .use(waybill(receiver))
          .use(express.json()),
    ],
    [
      "after express.text()",
      (app: express5.Express, { receiver }: Seen) =>
        app
          .use("/work", express.text({ type: "*/*" }))
          .use(waybill(receiver))
          .use(express.json()),
    ],
  ] as const;

  test.each(parsers)("R6: %s, an ordinary POST passes untouched and a pushed job is taken", async (_, mount) => {
    const seen = receiving();
    const app = express();
    mount(app, seen);
    app.post(version === "Express 4" ? "*" : "/{*any}", (request, response) => {
      response.json({ mine: request.body as unknown });
    });
    const origin = await listening(app);

    for (const path of ["/", "/workshop"]) {
      expect(await post(`${origin}${path}`, '{"a": 1}'), path).toMatchObject({ status: 200, text: '{"mine":{"a":1}}' });
    }
    const another = { ...signed(envelope()), "webhook-id": "msg_of_another_vendor" };
    expect((await post(`${origin}/hooks`, "{}", another)).text).toBe('{"mine":{}}');

    const body = envelope();
    const native = await post(`${origin}/work?from=a`, body, signed(body));
    expect(native).toMatchObject({ status: 200 });
    expect(native.headers.get("waybill-outcome")).toBe("completed");
    const fromDaemon = envelope();
    const { "webhook-id": _id, ...attributes } = signed(fromDaemon, keys);
    const attributeHeaders = Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [`x-aws-sqsd-attr-${name}`, value]),
    );
    expect((await post(`${origin}/work`, fromDaemon, { ...daemon, ...attributeHeaders })).status).toBe(200);
    expect(seen.ran).toEqual([body, fromDaemon]);

    // Requests in the daemon's format, and matched as such, but without a signature.
    expect((await post(`${origin}/`, "{}", daemon)).status).toBe(404);
    expect((await post(`${origin}/work`, "{}", daemon)).status).toBe(403);
    expect(seen.ran).toHaveLength(2);
  });

  test("its own path takes POST alone, wherever it is mounted, and all other paths stay the application's", async () => {
    const { receiver } = receiving();
    for (const app of [express().use("/work", waybill(receiver)), express().use(waybill(receiver))]) {
      app.use((request, response) => void response.send(request.method));
      const origin = await listening(app);
      for (const method of ["GET", "HEAD", "PUT"]) {
        const { status, headers } = await fetch(`${origin}/work?a=1`, { method });
        expect([method, status, headers.get("allow")]).toEqual([method, 405, "POST"]);
        for (const path of ["/work/", "/work/1", "/"])
          expect((await fetch(origin + path, { method })).status).toBe(200);
      }
    }
  });

  test("after express.json() that kept no bytes, a body in another notation is refused, and the log says what to do", async () => {
    const { receiver, lines, ran } = receiving();
    const origin = await listening(express().use(express.json()).use("/work", waybill(receiver)));
    const body = envelope(" ");
    expect((await post(`${origin}/work`, body, signed(body))).status).toBe(403);
    expect(lines.at(-1)?.["message"]).toMatch(/mount the endpoint first, or parse with `verify: keepRawBody`/);
    expect(ran).toEqual([]);
  });

  test("a body that was serialized again is refused where no signature covers it, and a body that is gone is a 500", async () => {
    const job = defineJob({ type: "work", handler() {} });
    const lines: LogLine[] = [];
    const unsigned = createReceiver({ jobs: [job], keys: "unsigned", log: (line) => lines.push(line) });
    const origin = await listening(
      express()
        .use(express.json())
        .use((request, _response, next) => {
          if (request.get("x-drop") !== undefined) request.body = undefined;
          next();
        })
        .use(waybill(unsigned)),
    );
    const written = await post(`${origin}/work`, envelope());
    expect(written.status).toBe(500);
    expect(written.text).toContain("BODY_GONE");
    expect(lines.at(-1)?.["message"]).toMatch(/keepRawBody/);
    expect((await post(`${origin}/work`, envelope(), { "x-drop": "1" })).text).toContain("BODY_GONE");
    expect((await post(`${origin}/work`, envelope(), { "content-type": "text/plain" })).status).toBe(200);
  });

  test("a body of 1 MiB of any type passes no parser's limit", async () => {
    const { receiver, ran } = receiving();
    const origin = await listening(
      express()
        .use("/work", waybill(receiver))
        .use(express.json({ limit: "100kb" })),
    );
    const frame = JSON.parse(envelope()) as object;
    const body = JSON.stringify({ ...frame, args: [{ text: "x".repeat(1_000_000) }] });
    expect((await post(`${origin}/work`, body, { ...signed(body), "content-type": "text/plain" })).status).toBe(200);
    expect(ran).toEqual([body]);
  });

  test("it counts its path from the root, under a prefix and inside a router", async () => {
    const { receiver, ran } = receiving();
    const router = express.Router().use("/run", waybill(receiver));
    const deep = createReceiver({
      jobs: [defineJob({ type: "work", handler: (_, { id }) => void ran.push(id) })],
      keys,
      path: "/api/jobs/run",
      log: "off",
    });
    const origin = await listening(
      express()
        .use("/work", waybill(receiver))
        .use("/api", router)
        .use("/api/jobs", express.Router().use(waybill(deep))),
    );
    for (const [path, status] of [
      ["/work", 200],
      ["/api/jobs/run", 200],
      ["/api/run", 404],
      ["/api/work", 404],
    ] as const) {
      const body = envelope();
      expect((await post(`${origin}${path}`, body, signed(body))).status, path).toBe(status);
    }
  });

  test("mounted where its own path cannot be, a warning says so once, and what to do", async () => {
    const { receiver } = receiving();
    const url = await listening(express().use("/api/run", waybill(receiver)));
    const warning = once(process, "warning");
    const ask = async (): Promise<number> => {
      const body = envelope();
      return (await post(`${url}/api/run`, body, signed(body))).status;
    };
    expect([await ask(), await ask()]).toEqual([404, 404]);
    expect((await warning)[0]).toMatchObject({
      name: "WaybillWarning",
      message: expect.stringMatching(/mounted at "\/api\/run".*its path is "\/work".*`path: "\/api\/run"`/),
    });
    const none = expect(once(process, "warning", { signal: AbortSignal.timeout(50) })).rejects.toThrow();
    await ask();
    await none;
  });

  test("pushed jobs do not reach the application's error handler and 404, whatever their outcome", async () => {
    const met: string[] = [];
    const failing = defineJob({ type: "work", handler: () => Promise.reject(new Error("no")) });
    const receiver = createReceiver({ jobs: [failing], keys, log: "off" });
    const app = express().use(waybill(receiver));
    app.use((request, response) => {
      met.push(request.url);
      response.sendStatus(404);
    });
    const origin = await listening(app);
    const body = envelope();
    expect((await post(`${origin}/work`, body, signed(body))).status).toBe(500);
    expect((await post(`${origin}/nothing`, body)).status).toBe(404);
    expect(met).toEqual(["/nothing"]);
  });

  test("a middleware with a time limit may respond first: the job is aborted, and its own response dropped", async () => {
    const reasons: string[] = [];
    const slow = defineJob({
      type: "work",
      handler: (_, { signal }) =>
        new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => {
            reasons.push((signal.reason as WaybillError).code);
            resolve();
          });
        }),
    });
    const receiver = createReceiver({ jobs: [slow], keys, log: "off" });
    const app = express();
    app.use((_request, response, next) => {
      setTimeout(() => response.sendStatus(504), 30);
      next();
    });
    app.use(waybill(receiver));
    const origin = await listening(app);
    for (let n = 0; n < 2; n++) {
      const body = envelope();
      expect((await post(`${origin}/work`, body, signed(body))).status).toBe(504);
      await expect.poll(() => receiver.load().running).toBe(0);
    }
    expect(reasons).toEqual(["JOB_CANCELLED", "JOB_CANCELLED"]);
  });

  test("an ingress beside a receiver stores jobs, whichever is mounted first", async () => {
    const { receiver, ran } = receiving();
    const jobs = await connect("memory:", { log: "off" });
    onTestFinished(() => jobs.close());
    const ingress = createIngress({ to: jobs, keys });
    for (const endpoints of [[receiver, ingress] as const, [ingress, receiver] as const]) {
      const origin = await listening(endpoints.reduce((app, endpoint) => app.use(waybill(endpoint)), express()));
      const [taken, run] = [envelope(), envelope()];
      expect((await post(`${origin}/jobs`, taken, signed(taken, keys))).text).toContain('"stored":true');
      expect((await post(`${origin}/work`, run, signed(run))).status).toBe(200);
      expect(ran.at(-1)).toBe(run);
    }
    expect((await jobs.inspector?.counts())?.[0]?.ready).toBe(2);
  });
});

test("a request that its sender breaks off during a slow middleware runs no job", async () => {
  const { receiver, ran, lines } = receiving();
  let letIn: () => void = () => {};
  const app = express5();
  app.use((_request, _response, next) => void (letIn = next));
  app.use(waybill(receiver));
  const origin = await listening(app);
  const body = envelope();
  const leaving = new AbortController();
  const sent = fetch(`${origin}/work`, { method: "POST", body, headers: signed(body), signal: leaving.signal });
  await expect.poll(() => String(letIn)).not.toBe("() => {}");
  leaving.abort();
  await expect(sent).rejects.toThrow();
  await new Promise((resolve) => setTimeout(resolve, 20));
  letIn();
  await expect.poll(() => lines.at(-1)?.event).toMatch(/push_refused|settled/);
  expect(ran.length).toBeLessThanOrEqual(1);
  expect(receiver.load().running).toBe(0);
});
