import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createReceiver, createRelay, eventBridge } from "../../src/index.ts";
import { refuses } from "./refuses.ts";
import { envelope, idOf, type Sent, serveRelay } from "./served.ts";
import { nowhere } from "../support/plain-request.ts";

const OLD = "k-8d1f7c2ab94e4c0e9b7a";
const NEW = "k-41b6e0d2c35a4f7f8e6d";

let relay: Awaited<ReturnType<typeof serveRelay>>;
beforeAll(async () => {
  relay = await serveRelay([eventBridge({ keys: [NEW, OLD] })]);
});
afterAll(() => relay.close());

/** A request as an API destination makes it. */
function invocation(body: string, key: Record<string, string> = { "x-api-key": NEW }): Sent {
  const agent = "Amazon/EventBridge/ApiDestinations";
  return {
    body,
    headers: {
      "user-agent": agent,
      "content-type": "application/json; charset=utf-8",
      range: "bytes=0-1048575",
      ...key,
    },
  };
}

/** A whole event, as a rule without an `InputPath` sends it. */
const event = (detail: unknown): string =>
  JSON.stringify({
    version: "0",
    id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": "waybill job",
    source: "shop",
    account: "111122223333",
    time: "2026-11-22T18:43:48Z",
    region: "us-west-1",
    resources: [],
    detail,
  });

describe("an event is refused when", () => {
  const keyed = (key: string, name = "x-api-key") => invocation(envelope(), { [name]: key });
  const hash = createHash("sha256").update(NEW).digest("hex");
  refuses(
    () => relay,
    () => [OLD, NEW],
    [
      ["it has no key", () => invocation(envelope(), {}), 403, "FORBIDDEN", /contains none of the keys/],
      ["its key is empty", () => keyed(""), 403, "FORBIDDEN", /contains none of the keys/],
      ["its key is another", () => keyed("k-0000000000000000000"), 403, "FORBIDDEN", /contains none of the keys/],
      ["its key is the beginning of one", () => keyed(NEW.slice(0, -1)), 403, "FORBIDDEN", /contains none of the keys/],
      ["its key is longer than one", () => keyed(`${NEW}0`), 403, "FORBIDDEN", /contains none of the keys/],
      ["its key is in other letters", () => keyed(NEW.toUpperCase()), 403, "FORBIDDEN", /contains none of the keys/],
      ["its key is a key's hash", () => keyed(hash), 403, "FORBIDDEN", /contains none of the keys/],
      ["its keys are two", () => keyed(`${NEW}, ${OLD}`), 403, "FORBIDDEN", /contains none of the keys/],
      [
        "its key is in another header",
        () => keyed(NEW, "authorization"),
        403,
        "FORBIDDEN",
        /contains none of the keys/,
      ],
      [
        "it is by another sender",
        () => ({ ...keyed(NEW), headers: { "x-api-key": NEW } }),
        403,
        "FORBIDDEN",
        /no carrier/,
      ],
      ["its detail is a text", () => invocation(event(envelope())), 400, "CARRIER_INVALID", /`detail` is no object/],
      ["its detail is missing", () => invocation(event(undefined)), 400, "CARRIER_INVALID", /`detail` is no object/],
      [
        "it is not UTF-8",
        () => ({ ...invocation(""), body: Buffer.from([0x7b, 0xff]) }),
        400,
        "ENCODING_INVALID",
        /UTF-8/,
      ],
    ],
  );
});

test.each([
  ["by itself, under the new key", (body: string) => invocation(body)],
  ["by itself, under the old key", (body: string) => invocation(body, { "X-Api-Key": OLD })],
  ["as an event's detail", (body: string) => invocation(event(JSON.parse(body)))],
])("an envelope is stored %s, and a worker runs it", async (_how, sent) => {
  const body = envelope();
  const before = relay.ran.length;
  const got = await relay.post(sent(body));
  expect(got).toMatchObject({ status: 200, headers: { "x-waybill-job": idOf(body) } });
  expect(await relay.stored()).toBe(1);
  await relay.work();
  expect(relay.ran.slice(before)).toEqual([{ id: idOf(body), attempt: 1, queue: "default", signature: null }]);
});

test("the input transformer of docs/push.md makes an envelope, under the event's id", async () => {
  const page = await readFile(new URL("../../../../docs/push.md", import.meta.url), "utf8");
  const [, settings = ""] = /```json\n([^`]*InputTemplate[^`]*)```/.exec(page) ?? [];
  const { InputTemplate } = JSON.parse(settings) as { InputTemplate: string };
  // As EventBridge fills it in: each value as JSON.
  const values: Record<string, string> = { id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718", order: "o_1" };
  const body = InputTemplate.replace(/<(\w+)>/g, (_all, name: string) => JSON.stringify(values[name]));
  const own = await serveRelay([eventBridge({ keys: NEW })]);
  for (let n = 0; n < 2; n += 1) {
    const got = await own.post(invocation(body));
    expect(got).toMatchObject({ status: 200, headers: { "x-waybill-job": values["id"] } });
  }
  expect(await own.stored()).toBe(1);
  await own.close();
});

test("the key may be in a header of any name", async () => {
  const own = await serveRelay([eventBridge({ header: "Authorization", keys: NEW })]);
  expect((await own.post(invocation(envelope(), { authorization: NEW }))).status).toBe(200);
  expect((await own.post(invocation(envelope()))).status).toBe(403);
  await own.close();
});

test("a body that is neither an envelope nor an event is refused, with a detail that says what it is", async () => {
  for (const [body, code] of [
    ["buy milk", /^JSON_/],
    ["{}", /^(FIELD|SPEC|ENVELOPE)_/],
  ] as const) {
    const got = await relay.post(invocation(body));
    expect(got.status).toBe(400);
    expect((JSON.parse(got.body) as { code: string }).code).toMatch(code);
  }
});

test("an envelope under the id of another is refused permanently", async () => {
  const id = idOf(envelope());
  expect((await relay.post(invocation(envelope("succeed", { id })))).status).toBe(200);
  expect((await relay.post(invocation(envelope("fail", { id })))).status).toBe(409);
  await relay.work();
});

test("an incomplete body is a 503 and may come again: after a 4xx it would be lost", async () => {
  expect((await relay.postHalf(invocation(envelope()))).status).toBe(503);
});

test("at other paths than its own, requests with the same header reach the application", () => {
  const endpoint = createRelay({ to: nowhere(), carriers: [eventBridge({ keys: NEW })], path: "/" });
  const { headers } = invocation("");
  expect(endpoint.matches({ method: "POST", path: "/", headers })).toBe(true);
  expect(endpoint.matches({ method: "POST", path: "/", headers: { "x-api-key": NEW } })).toBe(false);
  expect(endpoint.matches({ method: "POST", path: "/events", headers })).toBe(false);
});

test("it is for relays: a receiver would run jobs for longer than it waits", () => {
  const carriers = [eventBridge({ keys: NEW })];
  expect(() => createReceiver({ jobs: [], carriers, log: "off" })).toThrow(/createRelay/);
});

test.each([
  ["no key", { keys: [] }],
  ["a short key", { keys: "secret" }],
  ["one short key of two", { keys: [NEW, "secret"] }],
  ["a key that no header can hold", { keys: `${NEW}\n` }],
  ["a header of no name", { keys: NEW, header: "" }],
  ["a header with a space", { keys: NEW, header: "x api key" }],
])("%s is refused at the start, and no key is shown", (_what, wrong) => {
  expect(() => eventBridge(wrong)).toThrow(/eventBridge/);
  expect(() => eventBridge(wrong)).not.toThrow(/secret|k-41/);
});
