import { createServer } from "node:http";
import { connect, defineJob, EventBus, type Jobs, newId } from "@waybill/core";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Carrier, type InboundDelivery, type PushResponse } from "../../src/exports/carrier.ts";
import { createIngress, createReceiver, createRelay, sendOverHttp } from "../../src/index.ts";
import { exchange } from "../../src/sender/http-exchange.ts";
import { targetOf } from "../../src/sender/target.ts";
import { type NodeEndpoint, nodeListener } from "../../src/node/index.ts";
import { listening } from "../support/sending-worker.ts";

// Whatever is passed or thrown, no request ends the process: it gets a response, and no rejection is unhandled.

const jobs = await connect("memory:", { log: "off" });
afterAll(() => jobs.close());
const envelope = (type = "work"): string => JSON.stringify({ spec: "waybill/1", id: newId(), type, args: [{}] });
const work = defineJob({ type: "work", timeout: "1m", handler() {} });
const dies = defineJob({ type: "dies", timeout: "1m", retry: { maxAttempts: 1 }, handler: () => Promise.reject(1) });

const unheard: unknown[] = [];
const hear = (thrown: unknown): void => void unheard.push(thrown);
beforeEach(() => void process.on("unhandledRejection", hear).on("uncaughtException", hear));
afterEach(() => void process.off("unhandledRejection", hear).off("uncaughtException", hear));

const revoked = Proxy.revocable({}, {});
revoked.revoke();
/** What may be thrown. */
const THROWN: Readonly<Record<string, unknown>> = {
  "an error": new Error("for this test"),
  "an object without a prototype": Object.create(null),
  "an object whose text is none": { toString: 1, valueOf: 1 },
  "a revoked proxy": revoked.proxy,
  nothing: undefined,
};

const delivery: InboundDelivery = {
  body: envelope(),
  attempt: 1,
  lost: 0,
  releases: 0,
  signature: null,
  label: null,
  signedId: null,
  replayProtection: null,
};
const sound: Carrier = {
  name: "own",
  waitsForJobs: true,
  maxWaiting: 0,
  ackDeadlineMs: Infinity,
  paths: [],
  recognises: (_, here) => here,
  authenticate: () => ({ ...delivery, body: envelope() }),
};
const receiving = (carrier: Partial<Carrier>): NodeEndpoint =>
  createReceiver({ jobs: [work, dies], carriers: [{ ...sound, ...carrier }], log: "off" });
const own = (endpoint: Partial<NodeEndpoint>): NodeEndpoint => ({
  matches: () => true,
  receive: async () => ({ status: 200, headers: {}, body: "" }),
  ...endpoint,
});
const rejecting = (thrown: unknown) => (): Promise<never> => Promise.reject(thrown);
const throwing = (thrown: unknown) => (): never => {
  throw thrown;
};

/** All code of applications that an endpoint calls, failing in each way. */
const FAILS: Readonly<Record<string, (thrown: unknown) => NodeEndpoint>> = {
  "a carrier's recognises": (thrown) => receiving({ recognises: throwing(thrown) }),
  "a carrier's isUnauthenticated": (thrown) => receiving({ isUnauthenticated: throwing(thrown) }),
  "a carrier's checkHeaders": (thrown) => receiving({ checkHeaders: throwing(thrown) }),
  "a carrier's checkHeaders, later": (thrown) => receiving({ checkHeaders: rejecting(thrown) }),
  "a carrier's authenticate": (thrown) => receiving({ authenticate: throwing(thrown) }),
  "a carrier's authenticate, later": (thrown) => receiving({ authenticate: rejecting(thrown) }),
  "a carrier's mapResponse": (thrown) => receiving({ mapResponse: throwing(thrown) }),
  "a carrier's promise, rejected while it is read": (thrown) =>
    receiving({ authenticate: () => new Promise((_, reject) => setImmediate(() => reject(thrown))) }),
  keepDead: (thrown) => {
    const carriers = [{ ...sound, authenticate: () => ({ ...delivery, body: envelope("dies") }) }];
    return createReceiver({ jobs: [dies], carriers, keepDead: rejecting(thrown), log: "off" });
  },
  "keepDead, at once": (thrown) => {
    const carriers = [{ ...sound, authenticate: () => ({ ...delivery, body: envelope("dies") }) }];
    return createReceiver({ jobs: [dies], carriers, keepDead: throwing(thrown), log: "off" });
  },
  "the backend of a relay": (thrown) =>
    createRelay({ to: { ...jobs, enqueueBody: rejecting(thrown) }, carriers: [sound] }),
  "the backend of a relay, at once": (thrown) =>
    createRelay({ to: { ...jobs, enqueueBody: throwing(thrown) }, carriers: [sound] }),
  "the backend of an ingress": (thrown) =>
    createIngress({ to: { ...jobs, enqueueBody: rejecting(thrown) }, keys: "unsigned", path: "/work" }),
  "a listener of refusals": (thrown) => {
    const events = Object.assign(new EventBus(), { has: throwing(thrown) });
    return createRelay({ to: { ...jobs, events }, carriers: [{ ...sound, authenticate: throwing(thrown) }] });
  },
  "an endpoint's matches": (thrown) => own({ matches: throwing(thrown), receive: rejecting(thrown) }),
  "an endpoint's receive": (thrown) => own({ receive: throwing(thrown) }),
  "an endpoint's receive, later": (thrown) => own({ receive: rejecting(thrown) }),
};

/** Returns the status that comes back; 0 for a connection that was closed. */
async function posted(endpoint: NodeEndpoint): Promise<number> {
  const next = (): void => {};
  const listener = nodeListener(endpoint);
  const origin = await listening(createServer((request, response) => listener(request, response, next)));
  const post = { method: "POST", body: envelope(), signal: AbortSignal.timeout(5_000) };
  return fetch(`${origin}/work`, post).then(
    ({ status }) => status,
    () => 0,
  );
}

describe.each(Object.keys(FAILS))("%s fails", (name) => {
  test.each(Object.keys(THROWN))("with %s: the request gets a response, and the process goes on", async (thrown) => {
    expect([500, 503]).toContain(await posted(FAILS[name]!(THROWN[thrown])));
    await new Promise(setImmediate);
    expect(unheard).toEqual([]);
  });
});

/** Values that are no response. */
const RESPONSES: readonly unknown[] = [
  undefined,
  null,
  {},
  { status: 99, headers: {}, body: "" },
  { status: 200, headers: { "a b": "1" }, body: "" },
  { status: 200, headers: { a: "\n" }, body: "" },
  { status: 200, headers: {}, body: 7 },
];

test.each(RESPONSES)("an endpoint of one's own that returns %j is a 500 or a closed connection", async (response) => {
  expect([500, 0]).toContain(await posted(own({ receive: async () => response as PushResponse })));
  expect(unheard).toEqual([]);
});

test.each([null, {}, { body: 7 }, { ...delivery, replayProtection: 1 }, { ...delivery, signedId: {} }])(
  "an invalid delivery of a carrier, as %j, gets a response",
  async (opened) => {
    expect(await posted(receiving({ authenticate: () => opened as InboundDelivery }))).toBeGreaterThanOrEqual(200);
    expect(unheard).toEqual([]);
  },
);

test.each([
  "sqlite:./waybill.db",
  "redis://me:secret@localhost",
  undefined,
  null,
  7,
  {},
  { enqueueBody: () => {} },
  Promise.resolve(),
  () => {},
])("a value that is no connection is refused at the start, and its text is not shown: %s", (to) => {
  for (const open of [createRelay, createIngress]) {
    expect(() => open({ to: to as unknown as Jobs, keys: "unsigned" })).toThrow(/`to` of this .*await connect\(url\)/);
    expect(() => open({ to: to as unknown as Jobs, keys: "unsigned" })).not.toThrow(/secret/);
  }
});

test("a header that nothing can hold is an error of that job, and no timer of it ends the process later", async () => {
  const limits = { connectTimeoutMs: 20, inactivityTimeoutMs: 20, signal: new AbortController().signal, reuse: true };
  const target = targetOf("http://127.0.0.1:9/work");
  const sent = exchange({ ...limits, target, method: "POST", headers: { "waybill-type": "a\nb" }, body: "" });
  await expect(sent).rejects.toThrow(/header/i);
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(unheard).toEqual([]);
  expect(() => sendOverHttp({ to: "http://127.0.0.1:9", keys: "unsigned", contentType: "a\nb" })).toThrow(
    "contentType",
  );
});
