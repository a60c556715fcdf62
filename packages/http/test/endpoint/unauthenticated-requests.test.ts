import { once } from "node:events";
import { request } from "node:http";
import { connect, defineJob, newId } from "@waybill/core";
import { afterAll, describe, expect, test } from "vitest";
import { createIngress, createReceiver, createRelay, native, sqsd } from "../../src/index.ts";
import { unauthenticatedRequestRule } from "../../src/endpoint/unauthenticated-requests.ts";
import { asked } from "../support/plain-request.ts";
import { keys, serving, signed } from "../support/signed-requests.ts";

const jobs = await connect("memory:", { log: "off" });
afterAll(() => jobs.close());
const work = defineJob({ type: "work", timeout: "1m", handler() {} });
const envelope = (): string => JSON.stringify({ spec: "waybill/1", id: newId(), type: "work", args: [{}] });

/** Every way to accept unsigned jobs. */
const ENDPOINTS = {
  "a receiver": () => createReceiver({ jobs: [work], keys: "unsigned", log: "off" }),
  "a relay": () => createRelay({ to: jobs, keys: "unsigned" }),
  "an ingress": () => createIngress({ to: jobs, keys: "unsigned", path: "/work" }),
  "a batch": () => createIngress({ to: jobs, keys: "unsigned", path: "/work" }),
  "the daemon's carrier": () =>
    createReceiver({ jobs: [work], carriers: [sqsd({ keys: "unsigned", httpConnections: 10 })], log: "off" }),
  "a carrier of ours": () => createReceiver({ jobs: [work], carriers: [native({ keys: "unsigned" })], log: "off" }),
} as const;

/** Headers that browsers set and a page cannot change; in the last ones it can choose the value. */
const BROWSERS: Readonly<Record<string, Record<string, string>>> = {
  "a form of another site": { origin: "https://evil.example", "content-type": "text/plain" },
  "a page without an origin": { origin: "null", "content-type": "text/plain" },
  "a page of this very server": { origin: "http://localhost:3000", "sec-fetch-site": "same-origin" },
  "an old form, recognized by its sec-fetch-site": { "sec-fetch-site": "cross-site", "content-type": "text/plain" },
  "a page whose name points here": { host: "evil.example:3000" },
  "a page whose name points here, by HTTP/2": { ":authority": "evil.example:3000" },
  "a page whose name looks like ours": { host: "localhost.evil.example" },
  "a page under an address that is a name": { host: "127.0.0.1.nip.example" },
};

/** Headers of clients that run no page. */
const PROGRAMS: Readonly<Record<string, Record<string, string>>> = {
  "a program, by address": { host: "127.0.0.1:3000" },
  "a program, by an address of IPv6": { host: "[::1]:3000" },
  "a program on the network, by address": { host: "10.0.0.5" },
  "a program, by localhost": { host: "LOCALHOST:3000" },
  "a program, by a name below localhost": { host: "app.localhost." },
  "a program that says no host": {},
};

function send(name: keyof typeof ENDPOINTS, headers: Record<string, string>) {
  const isBatch = name === "a batch";
  const daemon = name === "the daemon's carrier" ? { "user-agent": "aws-sqsd/3", "x-aws-sqsd-msgid": "m" } : {};
  const type = isBatch ? { "content-type": "application/x-ndjson" } : {};
  return ENDPOINTS[name]().receive(
    asked(envelope(), { path: isBatch ? "/work/batch" : "/work", headers: { ...headers, ...daemon, ...type } }),
  );
}

describe.each(Object.keys(ENDPOINTS) as (keyof typeof ENDPOINTS)[])("%s that takes unsigned jobs", (name) => {
  test.each(Object.entries(BROWSERS))("takes none from %s", async (_, headers) => {
    expect((await send(name, headers)).status).toBe(403);
  });

  test.each(Object.entries(PROGRAMS))("takes one from %s", async (_, headers) => {
    expect((await send(name, headers)).status).toBe(200);
  });

  test("warns at the start that every client can run jobs", async () => {
    const warning = once(process, "warning");
    ENDPOINTS[name]();
    expect(String(((await warning) as [Error])[0].message)).toMatch(
      /accepts unsigned jobs: any program that can connect/,
    );
  });
});

test("over a real socket: a configured host name is accepted, another is not, and signed requests may have any", async () => {
  const options = { jobs: [work], allowHosts: ["App.internal"], log: "off" } as const;
  const port = Number(new URL(await serving(createReceiver({ ...options, keys: "unsigned" }))).port);
  const post = async (host: string, to = port): Promise<number> => {
    const sent = request({ port: to, host: "127.0.0.1", path: "/work", method: "POST", headers: { host } });
    const [response] = (await once(sent.end(envelope()), "response")) as [{ statusCode: number; resume(): void }];
    response.resume();
    return response.statusCode;
  };
  expect(await post("app.internal:8080")).toBe(200);
  expect(await post("evil.example")).toBe(403);
  const body = envelope();
  const proven = createReceiver({ ...options, keys });
  const headers = { ...signed(body), host: "evil.example", origin: "https://evil.example" };
  expect((await proven.receive(asked(body, { headers }))).status).toBe(200);
});

test.each(["", "a b", "http://app", "app:80", "*.app", "a..b", "[::1]"])(
  "a host that is no name is refused at the start: %j",
  (name) => {
    expect(() => createReceiver({ jobs: [work], keys: "unsigned", allowHosts: [name], log: "off" })).toThrow(
      /allowHosts has/,
    );
  },
);

test("with an IP allowlist, a proxied request from another address is refused; without one none is", () => {
  const forwarded = { "x-forwarded-for": "127.0.0.1, 10.0.0.7" };
  const isAllowed = (peer: string): boolean => peer === "127.0.0.1";
  expect(() => unauthenticatedRequestRule({ allowHosts: [], isAllowed })(forwarded)).toThrow(/from "10.0.0.7"/);
  expect(() => unauthenticatedRequestRule({ allowHosts: [], isAllowed: null })(forwarded)).not.toThrow();
});

test.each([", 10.0.0.7", ",, 127.0.0.1, 10.0.0.7", " , 10.0.0.7,"])(
  "an empty element of a forged X-Forwarded-For hides no address behind it: %j",
  (text) => {
    const isAllowed = (peer: string): boolean => peer === "127.0.0.1";
    const judge = unauthenticatedRequestRule({ allowHosts: [], isAllowed });
    expect(() => judge({ "x-forwarded-for": text })).toThrow(/from "10.0.0.7"/);
    expect(() => judge({ "x-forwarded-for": ", 127.0.0.1" })).not.toThrow();
  },
);
