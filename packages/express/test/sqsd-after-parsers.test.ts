import { once } from "node:events";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { defineJob, keyRing, newId, newSecret } from "@waybill/core";
import { serialiseEnvelope, signatureFor } from "@waybill/core/endpoint";
import { createReceiver, signedWrapper, sqsd } from "@waybill/http";
import express from "express";
import { afterAll, describe, expect, test } from "vitest";
import { keepRawBody, waybill } from "@waybill/express";

const express4 = createRequire(import.meta.url)("express-4") as typeof express;
const keys = keyRing(newSecret());
const open: (() => void)[] = [];
afterAll(() => open.forEach((close) => close()));

/** A receiver behind an application's own body parser. */
async function start(make: typeof express, parser: (of: typeof express) => express.RequestHandler) {
  const ran: unknown[] = [];
  const note = defineJob({ type: "note", timeout: "20s", handler: (payload) => void ran.push(payload) });
  const carriers = [
    sqsd({
      keys,
      httpConnections: 10,
      periodic: { nightly: { path: "/tasks/nightly", job: note, schedule: "* * * * *" } },
      periodicFrom: "anyone",
    }),
  ];
  const app = make();
  app.use(parser(make));
  app.use(waybill(createReceiver({ jobs: [note], carriers, log: "off" })));
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const home = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const post = async (path: string, body: string, headers: Record<string, string>): Promise<number> => {
    const marks = { "user-agent": "aws-sqsd/3.0.4", "x-aws-sqsd-msgid": "1", "content-type": "application/json" };
    return (await fetch(home + path, { method: "POST", body, headers: { ...marks, ...headers } })).status;
  };
  return { ran, post };
}

function signed(payload: Readonly<Record<string, string>>): {
  readonly body: string;
  readonly headers: Record<string, string>;
} {
  const id = newId();
  const body = serialiseEnvelope({ spec: "waybill/1", id, type: "note", args: [payload] });
  const { timestamp, value } = signatureFor(keys, id, body);
  const headers = {
    "x-aws-sqsd-attr-webhook-timestamp": String(timestamp),
    "x-aws-sqsd-attr-webhook-signature": value,
  };
  return { body, headers };
}

describe.each([
  ["Express 5", express],
  ["Express 4", express4],
])("%s, its parser before the receiver", (_, make) => {
  test.each([
    ["a parser that keeps nothing", (of: typeof express) => of.json()],
    ["a parser that keeps the raw body", (of: typeof express) => of.json({ verify: keepRawBody })],
  ])("%s: signed jobs run, and so do ticks, which have no body", async (_name, parser) => {
    const { ran, post } = await start(make, parser);
    const { body, headers } = signed({ name: "Ada" });
    expect(await post("/work", body, headers)).toBe(200);
    expect(await post("/work", signedWrapper(keys, signed({ name: "Bob" }).body), {})).toBe(200);
    const scheduledAt = new Date().toISOString();
    const tick = { "x-aws-sqsd-taskname": "nightly", "x-aws-sqsd-scheduled-at": scheduledAt };
    expect(await post("/tasks/nightly", "", tick)).toBe(200);
    expect(ran).toMatchObject([{ name: "Ada" }, { name: "Bob" }, { task: "nightly" }]);
  });

  test("a body in base64 passes by a parser of JSON under the MIME type that the page advises", async () => {
    const { ran, post } = await start(make, (of) => of.json());
    const { body, headers } = signed({ name: "🚚" });
    const encoded = { ...headers, "x-aws-sqsd-attr-waybill-encoding": "base64" };
    const wire = Buffer.from(body).toString("base64");
    expect(await post("/work", wire, encoded)).toBe(400);
    expect(await post("/work", wire, { ...encoded, "content-type": "application/octet-stream" })).toBe(200);
    expect(ran).toEqual([{ name: "🚚" }]);
  });
});
