import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import { text } from "node:stream/consumers";
import { Validator } from "@seriousme/openapi-schema-validator";
import { connect, type Jobs, keyRing, newSecret } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createIngress } from "../../src/index.ts";
import { nodeListener } from "../../src/node/index.ts";
import { type ReceivedResponse, examples, expectAllowed, expectDescribed, faultsOf, openApi, page } from "./openapi.ts";

describe("the document", () => {
  it("is OpenAPI 3.1", async () => {
    const validator = new Validator();
    await validator.addSpecRef(
      JSON.parse(page("envelope.schema.json")) as Record<string, unknown>,
      "envelope.schema.json",
    );
    const { valid, errors } = await validator.validate(
      JSON.parse(page("ingress.openapi.json")) as Record<string, unknown>,
    );
    expect({ valid, errors, version: validator.version }).toEqual({ valid: true, errors: undefined, version: "3.1" });
  });

  it("has examples that its schemas take", () => {
    expect(examples().length).toBeGreaterThan(4);
    expect(examples().flatMap(({ pointer, value }) => faultsOf(pointer, value))).toEqual([]);
  });

  it("takes the examples of the pages", () => {
    const signing = JSON.parse(page("signing.md").split("```json\n")[1]!.split("```")[0]!) as unknown;
    const pushed = JSON.parse(page("push.md").split("```http\n")[1]!.split("```")[0]!.split("\n\n")[1]!) as unknown;
    expect(faultsOf("/components/schemas/SignedWrapper", signing)).toEqual([]);
    expect(faultsOf("/components/schemas/Envelope", pushed)).toEqual([]);
    expect(faultsOf("/components/schemas/Envelope", { ...(pushed as object), type: "Mail" })).not.toEqual([]);
  });

  it("knows each code of an envelope", () => {
    const table = page("envelope.md").split("## Error codes")[1]!.split("\n## ")[0]!;
    const codes = [...table.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code);
    expect(openApi.components.schemas["EnvelopeCode"]?.["enum"]).toEqual(codes);
  });

  it("has codes of requests that push.md lists, and no other", () => {
    const { EnvelopeCode: _, ...others } = openApi.components.schemas;
    const known = new Set([...page("push.md").matchAll(/`([A-Z]+_[A-Z_]+|[A-Z]{4,})`/g)].map(([, code]) => code));
    const codes = [...JSON.stringify(others).matchAll(/"([A-Z]+_[A-Z_]+|[A-Z]{4,})"/g)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(15);
    expect(codes.filter((code) => !known.has(code))).toEqual([]);
  });
});

describe("real requests to an ingress", () => {
  const key = newSecret();
  const ring = keyRing(key);
  const seen = new Set<string>();
  let jobs: Jobs;
  let port = 0;

  beforeAll(async () => {
    jobs = await connect(memoryBackend({ capabilities: { priorityLevels: 1 } }), { log: "off" });
    const ingress = createIngress({ to: jobs, keys: key, maxBodyBytes: 100_000, bodyTimeout: "100ms" });
    const server = createServer(nodeListener(ingress));
    await once(server.listen(0, "127.0.0.1"), "listening");
    port = (server.address() as { port: number }).port;
    return async () => {
      server.closeAllConnections();
      server.close();
      await jobs.close();
    };
  });

  afterAll(() => {
    // Those two want a queue that hangs, and a parser before the endpoint: refusals.test.ts and bodies.test.ts.
    const asked = Object.entries(openApi.paths).flatMap(([path, { post }]) =>
      Object.keys(post.responses).map((status) => `${path} ${status}`),
    );
    expect(asked.filter((one) => !seen.has(one) && !/ (429|500)$/.test(one))).toEqual([]);
  });

  const envelope = (more: object = {}, id: string = crypto.randomUUID()): { id: string; body: string } => ({
    id,
    body: JSON.stringify({ spec: "waybill/1", id, type: "mail.album_ready", args: [{ albumId: "ä_1" }], ...more }),
  });
  const lines = (count: number): string => Array.from({ length: count }, () => `${envelope().body}\n`).join("");

  interface Sent {
    readonly path: string;
    readonly id: string;
    readonly body: string;
    readonly type?: string;
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    /** Sends half of the body and then nothing. */
    readonly isCut?: boolean;
  }

  async function send({ path, id, body, type = "application/json", method = "POST", headers = {}, isCut }: Sent) {
    const timestamp = Math.floor(Date.now() / 1_000);
    const signed = {
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": ring.sign({ id, timestamp, body }),
      "content-type": type,
      "content-length": String(Buffer.byteLength(body)),
      ...headers,
    };
    const request = httpRequest({ port, path, method, headers: signed, agent: false });
    if (isCut) request.write(body.slice(0, 20));
    else request.end(method === "POST" ? body : undefined);
    const [response] = await once(request, "response");
    const received: ReceivedResponse = {
      status: response.statusCode,
      headers: response.headers,
      body: await text(response),
    };
    request.destroy();
    return { received, signed };
  }

  async function statusOf(sent: Sent, as: string = sent.path): Promise<string> {
    const { received, signed } = await send(sent);
    expectDescribed(as, received);
    seen.add(`${as} ${received.status}`);
    if (received.status === 200) expectAllowed(sent.path, signed, sent.body);
    const { code, stored, results } = JSON.parse(received.body) as Record<string, unknown>;
    const each = (results as { code?: string; stored?: boolean }[] | undefined)?.map((one) => one.code ?? one.stored);
    return `${received.status} ${String(code ?? stored ?? each)}`;
  }

  it("one job: stored, stored before, and each refusal, as described", async () => {
    const path = "/jobs";
    const first = envelope();
    expect(await statusOf({ path, ...first })).toBe("200 true");
    expect(await statusOf({ path, ...first })).toBe("200 false");
    const inside = envelope();
    const ts = 1_795_341_600;
    const sig = ring.sign({ id: inside.id, timestamp: ts, body: inside.body });
    const wrapper = { spec: "waybill-signed/1", id: inside.id, ts, sig, envelope: inside.body };
    expect(await statusOf({ path, id: inside.id, body: JSON.stringify(wrapper) })).toBe("200 true");
    const other = envelope().id;
    expect(await statusOf({ path, id: other, body: JSON.stringify({ ...wrapper, id: other }) })).toBe(
      "400 SIGNATURE_INVALID",
    );
    expect(await statusOf({ path, ...envelope({ type: "Mail" }) })).toBe("400 TYPE_INVALID");
    expect(await statusOf({ path, id: other, body: "{" })).toBe("400 JSON_SYNTAX");
    expect(await statusOf({ path, id: other, body: inside.body })).toBe("400 CARRIER_INVALID");
    expect(await statusOf({ path, ...envelope(), headers: { "webhook-timestamp": "1" } })).toBe("403 FORBIDDEN");
    expect(await statusOf({ path, ...envelope(), method: "GET" })).toBe("405 METHOD_NOT_ALLOWED");
    expect(await statusOf({ path, ...envelope(), isCut: true })).toBe("408 BODY_TIMEOUT");
    expect(await statusOf({ path, ...envelope({ args: [2] }, first.id) })).toBe("409 ID_CONFLICT");
    expect(await statusOf({ path, ...envelope({ args: ["x".repeat(100_000)] }) })).toBe("413 BODY_TOO_LARGE");
    expect(await statusOf({ path, ...envelope({ dedupe: { key: "k" } }) })).toBe("200 true");
    expect(await statusOf({ path, ...envelope({ dedupe: { key: "k" } }) })).toBe("409 DUPLICATE_JOB");
    for (const on_conflict of ["ignore", "replace"]) {
      const answer = await statusOf({ path, ...envelope({ dedupe: { key: "k", on_conflict } }) });
      expect(answer).toBe(`200 ${on_conflict === "replace"}`);
    }
    expect(await statusOf({ path, ...envelope({ priority: 5 }) })).toBe("422 NEED_UNSUPPORTED");
    expect(await statusOf({ path: "/", ...envelope() }, path)).toBe("404 NOT_FOUND");
  });

  it("a batch: each line for itself, or refused whole, as described", async () => {
    const path = "/jobs/batch";
    const type = "application/x-ndjson";
    const id = (): string => crypto.randomUUID();
    const mixed = `${envelope().body}\n${envelope({ type: "Mail" }).body}\n`;
    expect(await statusOf({ path, id: id(), body: mixed, type })).toBe("200 true,TYPE_INVALID");
    expect(await statusOf({ path, id: id(), body: "\n", type })).toBe("400 BATCH_INVALID");
    expect(await statusOf({ path, id: id(), body: lines(1), type, headers: { "webhook-id": id() } })).toBe(
      "403 FORBIDDEN",
    );
    expect(await statusOf({ path, id: id(), body: lines(1), type, method: "PUT" })).toBe("405 METHOD_NOT_ALLOWED");
    expect(await statusOf({ path, id: id(), body: lines(1), type, isCut: true })).toBe("408 BODY_TIMEOUT");
    expect(await statusOf({ path, id: id(), body: lines(101), type })).toBe("413 BATCH_INVALID");
    expect(await statusOf({ path, id: id(), body: "x".repeat(100_001), type })).toBe("413 BODY_TOO_LARGE");
    expect(await statusOf({ path, id: id(), body: lines(1) })).toBe("415 BATCH_INVALID");
    expect(await statusOf({ path: "/batch", id: id(), body: lines(1), type }, path)).toBe("404 NOT_FOUND");
  });

  it("a queue that is closed, as described", async () => {
    await jobs.close();
    expect(await statusOf({ path: "/jobs", ...envelope() })).toBe("503 BACKEND_CLOSED");
    const batch = { path: "/jobs/batch", id: crypto.randomUUID(), body: lines(2), type: "application/x-ndjson" };
    expect(await statusOf(batch)).toBe("503 BACKEND_CLOSED");
  });
});
