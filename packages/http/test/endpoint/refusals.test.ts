import { once } from "node:events";
import { createServer, request } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineJob, keyRing, newSecret } from "@waybill/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { createReceiver } from "../../src/index.ts";
import { nodeListener } from "../../src/node/index.ts";
import { daemonHeaders, envelope, idIn } from "../support/daemon-request.ts";
import { gate, now, post, type Posting, receiving, secret, type SignedAs, signed } from "../support/signed-requests.ts";

function counting() {
  const ran: string[] = [];
  const job = defineJob({ type: "work", handler: (_, { id }) => void ran.push(id) });
  return { ran, jobs: [job] };
}

const strangers = keyRing(newSecret());
const AHEAD = /timestamp is stale: it is 3\d\d s ahead of this machine's clock, and tolerance allows 300 s\. .*chronyc/;
const BEHIND = /timestamp is stale: it is 3\d\d s behind this machine's clock, and tolerance allows 300 s\. .*chronyc/;
const reserialised = (body: string): string => JSON.stringify(JSON.parse(body), null, 1);

describe("an unsigned request is refused with one 403, and only the log says why", () => {
  test.each<[string, (body: string) => Posting & { readonly body?: string }, RegExp]>([
    ["unsigned", () => ({}), /it is not signed/],
    ["of the daemon, which is not accepted", (body) => ({ headers: daemonHeaders({ body }) }), /no carrier/],
    [
      "signed without an id",
      (body) => ({ headers: { ...signed(body), "webhook-id": "" } }),
      /webhook-id is empty|not signed/,
    ],
    [
      "signed by another key",
      (body) => ({ headers: signed(body, { by: strangers }) }),
      /none of the keys.*WAYBILL_KEYS/,
    ],
    ["signed as a job", (body) => ({ headers: signed(body, { asJob: true }) }), /signed as a job.*keys --requests/],
    [
      "tampered with",
      (body) => ({ headers: signed(body), body: body.replace("[{}]", '[{"admin":true}]') }),
      /none of the keys/,
    ],
    [
      "written anew by something on the way",
      (body) => ({ headers: signed(body), body: reserialised(body) }),
      /none of the keys/,
    ],
    [
      "under another id than it was signed",
      (body) => ({ headers: { ...signed(body), "webhook-id": "another" } }),
      /none of the keys/,
    ],
    [
      "under another time than it was signed",
      (body) => ({ headers: { ...signed(body), "webhook-timestamp": String(now() - 1) } }),
      /none of the keys/,
    ],
    [
      "signed under an id with a dot, which could be read in two ways",
      (body) => ({ headers: signed(body, { id: `${idIn(body)}.1` }) }),
      /webhook-id is empty/,
    ],
    [
      "of a scheme we do not know",
      (body) => ({ headers: { ...signed(body), "webhook-signature": "v1a,AAAA" } }),
      /no value of version 1/,
    ],
    ["six minutes old", (body) => ({ headers: signed(body, { timestamp: now() - 360 }) }), BEHIND],
    ["six minutes ahead", (body) => ({ headers: signed(body, { timestamp: now() + 360 }) }), AHEAD],
  ])("%s", async (_, make, why) => {
    const { ran, jobs } = counting();
    const { origin, lines } = await receiving({ jobs });
    const original = envelope("work").replace(/"args":\[.*?\]/, '"args":[{}]');
    const { body = original, ...more } = make(original);
    const response = await post(`${origin}/work`, body, more);
    expect(response).toMatchObject({
      status: 403,
      json: { type: "urn:waybill:problem:forbidden", title: "Forbidden", status: 403, code: "FORBIDDEN" },
    });
    expect(Object.keys(response.json)).not.toContain("detail");
    expect(response.headers.get("waybill-outcome")).toBeNull();
    expect(lines.at(-1)).toMatchObject({ event: "push_refused", code: "FORBIDDEN", peer: "127.0.0.1" });
    expect(lines.at(-1)?.["message"]).toMatch(why);
    expect(ran).toEqual([]);
  });

  test("the same envelope under another id than its own was signed, but is no job", async () => {
    const { ran, jobs } = counting();
    const { push } = await receiving({ jobs });
    const response = await push(envelope("work"), { as: { id: "another" } });
    const detail = expect.stringMatching(/^webhook-id is "another", but the envelope's id is ".{36}": sign and send/);
    expect(response).toMatchObject({ status: 400, json: { code: "CARRIER_INVALID", detail } });
    expect(response.headers.get("waybill-outcome")).toBe("dead");
    expect(ran).toEqual([]);
  });
});

test.each(["/elsewhere", "/work/../work/", "/", "/work/1"])(
  "whatever comes to another path, as %s, is answered 404; a job that was signed for here is in the log",
  async (to) => {
    const { ran, jobs } = counting();
    const { origin, lines } = await receiving({ jobs });
    const body = envelope("work");
    const received = [];
    for (const headers of [signed(body), signed(body, { by: strangers }), {}]) {
      received.push(await post(`${origin}${to}`, body, { headers }));
    }
    for (const { status, json } of received) expect([status, json["code"]]).toEqual([404, "NOT_FOUND"]);
    expect(lines.filter(({ code }) => code === "NOT_FOUND")).toHaveLength(2);
    expect(lines.at(-1)?.["message"]).toMatch(/it came to "\/.*", this endpoint is at "\/work"/);
    expect(ran).toEqual([]);
  },
);

describe("a request that ended its job", () => {
  const replayed = async (as: SignedAs = {}) => {
    const { ran, jobs } = counting();
    const receiver = await receiving({ jobs });
    const body = envelope("work");
    const headers = signed(body, as);
    const first = await post(receiver.url, body, { headers });
    return { ...receiver, ran, body, headers, first };
  };

  test("is refused when it comes again, also with more values in its signature", async () => {
    const { url, body, headers, first, ran, lines } = await replayed();
    expect(first.status).toBe(200);
    expect((await post(url, body, { headers })).status).toBe(403);
    const longer = { ...headers, "webhook-signature": `v1a,junk ${headers["webhook-signature"]}` };
    expect((await post(url, body, { headers: longer })).status).toBe(403);
    expect(lines.at(-1)?.["message"]).toMatch(/this request came before/);
    expect(ran).toHaveLength(1);
  });

  test("signed again runs the job again: the handler must be idempotent", async () => {
    const { url, body, ran } = await replayed({ timestamp: now() - 2 });
    expect((await post(url, body, { headers: signed(body) })).status).toBe(200);
    expect(ran).toHaveLength(2);
  });

  test("that failed may come again unchanged, even within the same second: it has not ended its job", async () => {
    let runs = 0;
    const flaky = defineJob({
      type: "flaky",
      handler() {
        runs += 1;
        if (runs === 1) throw new Error("not yet");
      },
    });
    const { url } = await receiving({ jobs: [flaky] });
    const body = envelope("flaky");
    const headers = signed(body);
    const received = [];
    for (let n = 0; n < 3; n++) received.push((await post(url, body, { headers })).status);
    expect(received).toEqual([500, 200, 403]);
  });
});

test("an old key is accepted as long as it is in the ring, and a new one at once", async () => {
  const [old, fresh] = [newSecret(), newSecret()];
  const { jobs, ran } = counting();
  const { push } = await receiving({ jobs, keys: `${fresh} ${old}` });
  const { push: strict } = await receiving({ jobs, keys: fresh });
  expect((await push(envelope("work"), { as: { by: keyRing(old) } })).status).toBe(200);
  expect((await push(envelope("work"), { as: { by: keyRing(fresh) } })).status).toBe(200);
  expect((await strict(envelope("work"), { as: { by: keyRing(old) } })).status).toBe(403);
  expect(ran).toHaveLength(2);
});

describe("allowIps", () => {
  test("a forged X-Forwarded-For changes nothing, in either direction", async () => {
    const { jobs, ran } = counting();
    const forged = { "x-forwarded-for": "10.0.0.1", "x-real-ip": "10.0.0.1", forwarded: "for=10.0.0.1" };
    const inside = await receiving({ jobs, allowIps: ["10.0.0.0/8"] });
    expect((await inside.push(envelope("work"), { headers: forged })).status).toBe(403);
    expect(inside.lines.at(-1)?.["message"]).toBe("the address 127.0.0.1 is not in allowIps");
    const here = await receiving({ jobs, allowIps: ["127.0.0.1"] });
    expect((await here.push(envelope("work"), { headers: { "x-forwarded-for": "8.8.8.8" } })).status).toBe(200);
    expect(ran).toHaveLength(1);
  });

  test.each(["10.0.0.0/", "10.0.0.0/8/9", "10.0.0.0/ 8", "10.0.0.0/0x8", "::/", "10.0.0.0/33", "10.0.0/8"])(
    "a rule that is no range, as %j, is refused at the start: it could be one that allows every address",
    (rule) => {
      const { jobs } = counting();
      expect(() => createReceiver({ jobs, keys: secret, log: "off", allowIps: [rule] })).toThrow(
        `allowIps has "${rule}": use "unix", an address, or a range as 10.0.0.0/8`,
      );
    },
  );

  test("R11: on a unix socket a client has no address; unsigned is refused, signed is run, and a rule may name it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "waybill-socket-"));
    const socketPath = join(folder, "app.sock");
    const { jobs, ran } = counting();
    const receiver = createReceiver({ jobs, keys: secret, log: "off", allowIps: ["unix"] });
    const server = createServer(nodeListener(receiver));
    onTestFinished(() => {
      server.close();
      rmSync(folder, { recursive: true, force: true });
    });
    await once(server.listen(socketPath), "listening");
    const over = async (headers: Record<string, string>, body: string): Promise<number | undefined> => {
      const sent = request({ socketPath, path: "/work", method: "POST", headers, agent: false }).end(body);
      const [response] = await once(sent, "response");
      response.resume();
      return response.statusCode;
    };
    const body = envelope("work");
    expect(await over(daemonHeaders({ body }), body)).toBe(403);
    expect(await over({}, body)).toBe(403);
    expect(await over(signed(body), body)).toBe(200);
    const tcpOnly = await receiving({ jobs, allowIps: ["unix"] });
    expect((await tcpOnly.push(envelope("work"))).status).toBe(403);
    expect(ran).toEqual([idIn(body)]);
  });
});

test("a header that came twice is no header", async () => {
  const { jobs, ran } = counting();
  const { url } = await receiving({ jobs });
  const body = envelope("work");
  const headers = signed(body);
  const { hostname, port } = new URL(url);
  const pairs = Object.entries({ ...headers, "webhook-id": [headers["webhook-id"], headers["webhook-id"]] });
  const sent = request({
    hostname,
    port,
    path: "/work",
    method: "POST",
    headers: Object.fromEntries(pairs),
    agent: false,
  });
  const [response] = await once(sent.end(body), "response");
  response.resume();
  expect(response.statusCode).toBe(403);
  expect(ran).toEqual([]);
});

test("names from JavaScript's own objects are names like any other", async () => {
  const { jobs } = counting();
  const { push, url } = await receiving({ jobs });
  for (const type of ["__proto__", "constructor", "hasOwnProperty"]) {
    const { status, json } = await push(envelope("work").replace('"type":"work"', `"type":"${type}"`));
    expect([status, json["code"]], type).toEqual(type === "constructor" ? [429, "JOB_UNKNOWN"] : [400, "TYPE_INVALID"]);
  }
  const odd = {
    ["__proto__"]: "1",
    constructor: "1",
    "webhook-signature": "constructor",
    "waybill-attempt": "__proto__",
  };
  expect((await post(url, envelope("work"), { headers: odd })).status).toBe(403);
});

test("what is signed over Latin-1, or over nothing, is signed over other bytes", async () => {
  const { jobs, ran } = counting();
  const { url } = await receiving({ jobs });
  const body = envelope("work", { name: "Zoë" });
  for (const over of [Buffer.from(body).toString("latin1"), ""]) {
    expect((await post(url, body, { headers: signed(body, { over }) })).status).toBe(403);
  }
  expect((await post(url, body, { headers: signed(body) })).status).toBe(200);
  expect(ran).toHaveLength(1);
});

test("two requests of one job at once are one run and the same response, though they are the same request", async () => {
  const { opened, open } = gate();
  let runs = 0;
  const slow = defineJob({
    type: "slow",
    handler() {
      runs += 1;
      return opened;
    },
  });
  const { url, receiver } = await receiving({ jobs: [slow] });
  const body = envelope("slow");
  const headers = signed(body);
  const both = [post(url, body, { headers }), post(url, body, { headers })];
  await expect.poll(() => receiver.load().running).toBe(1);
  // The other is on its way: one that came after the end would be refused as a replay.
  await new Promise((resolve) => setTimeout(resolve, 500));
  open();
  expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200]);
  expect(runs).toBe(1);
});
