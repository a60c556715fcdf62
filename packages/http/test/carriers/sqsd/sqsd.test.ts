import { Buffer } from "node:buffer";
import {
  defineJob,
  type Envelope,
  type JobContext,
  keyRing,
  newSecret,
  type OutcomeEvent,
  type WaybillEvents,
} from "@waybill/core";
import { expect, test } from "vitest";
import { createReceiver, type ReceiverOptions, signedWrapper, sqsd, type SqsdOptions } from "../../../src/index.ts";
import { daemonRequest, envelope, idIn, keys, signedAttributes } from "../../support/daemon-request.ts";

/** A receiver behind the daemon, what ran in it, and what it refused. */
function behindSqsd(options: Partial<SqsdOptions> = {}, more: Partial<ReceiverOptions> = {}) {
  const ran: Pick<JobContext, "id" | "attempt" | "queue" | "envelope" | "delivery">[] = [];
  const refused: WaybillEvents["push_refused"][] = [];
  const settled: OutcomeEvent[] = [];
  const note = defineJob({ type: "note", timeout: "1m", handler: (_, job) => void ran.push(job) });
  const receiver = createReceiver({
    jobs: [note],
    carriers: [sqsd({ keys, httpConnections: 10, ...options })],
    log: "off",
    ...more,
  });
  receiver.events.on("push_refused", (event) => refused.push(event));
  receiver.events.on("settled", (event) => settled.push(event));
  return { receiver, ran, refused, settled };
}

test("a job that its producer signed beside the body runs, with the producer's signature", async () => {
  const { receiver, ran } = behindSqsd();
  const body = envelope("note");
  const response = await receiver(daemonRequest({ body, attributes: signedAttributes(body) }));
  expect(response.status).toBe(200);
  expect(response.headers.get("x-waybill-job")).toBe(idIn(body));
  const signature = ran[0]?.delivery.signature;
  expect(signature && keys.verify({ id: idIn(body), timestamp: signature.timestamp, body }, signature.value)).toBe(
    true,
  );
});

test("a job of a producer that sends no id runs: the signature covers the envelope's own id", async () => {
  const { receiver, ran } = behindSqsd();
  const body = envelope("note");
  const { "waybill-id": _id, "waybill-type": _type, ...attributes } = signedAttributes(body);
  expect((await receiver(daemonRequest({ body, attributes }))).status).toBe(200);
  expect(ran.map(({ id }) => id)).toEqual([idIn(body)]);
});

test("a job that waited in the queue for days runs: the age of a signature is not limited here", async () => {
  const { receiver } = behindSqsd();
  const body = envelope("note");
  const timestamp = Math.floor(Date.now() / 1_000) - 13 * 86_400;
  const value = keys.sign({ id: idIn(body), timestamp, body });
  const attributes = { "webhook-timestamp": String(timestamp), "webhook-signature": value };
  expect((await receiver(daemonRequest({ body, attributes }))).status).toBe(200);
});

test("a body that SQS would have refused arrives unchanged, by base64", async () => {
  const { receiver, ran } = behindSqsd();
  const body = envelope("note", { text: "ünïcode 🚚 \u0001" });
  const attributes = { ...signedAttributes(body), "waybill-encoding": "base64" };
  const wire = Buffer.from(body).toString("base64");
  expect((await receiver(daemonRequest({ body: wire, attributes }))).status).toBe(200);
  expect(ran[0]?.delivery.body).toBe(body);
  const strange = { ...attributes, "waybill-encoding": "rot13" };
  const response = await receiver(daemonRequest({ body: wire, attributes: strange }));
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, "CARRIER_INVALID"]);
});

test("a signed wrapper as the body needs no attributes at all", async () => {
  const { receiver, ran } = behindSqsd();
  const body = envelope("note", { text: "🚚" });
  expect((await receiver(daemonRequest({ body: signedWrapper(keys, body) }))).status).toBe(200);
  expect(ran[0]?.delivery).toMatchObject({ body, signature: { value: expect.stringMatching(/^v1,/) } });
});

test("R67: a body runs with any MIME type that is configured in the daemon, also at the path /", async () => {
  const { receiver, ran } = behindSqsd({}, { path: "/" });
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]) {
    const body = envelope("note", { text: "äöü=1&b=%41" });
    const headers = { "content-type": type };
    const request = daemonRequest({ body, attributes: signedAttributes(body), path: "/", headers });
    expect((await receiver(request)).status, type).toBe(200);
    expect(ran.at(-1)?.delivery.body).toBe(body);
  }
});

test("the attempt is the number that a worker counted before, plus the daemon's deliveries since", async () => {
  const { receiver, ran } = behindSqsd();
  const send = async (receiveCount: number, history?: string) => {
    const body = envelope("note");
    const attributes = { ...signedAttributes(body), ...(history !== undefined && { "waybill-delivery": history }) };
    await receiver(daemonRequest({ body, attributes, receiveCount }));
    const { attempt, lost, releases } = ran.at(-1)?.delivery ?? {};
    return [attempt, lost, releases];
  };
  expect(await send(1)).toEqual([1, 0, 0]);
  expect(await send(3)).toEqual([3, 0, 0]);
  expect(await send(1, "attempt=4 lost=2 releases=7")).toEqual([4, 2, 7]);
  expect(await send(2, "attempt=4 lost=2 releases=7 due=1790000000000")).toEqual([5, 2, 7]);
  expect(await send(2, "attempt=0 lost=many")).toEqual([2, 0, 0]);
});

test("the handler's queue is the one that a worker would pass to it, not the one of SQS", async () => {
  const { receiver, ran } = behindSqsd();
  const body = envelope("note");
  await receiver(daemonRequest({ body, attributes: signedAttributes(body) }));
  expect(ran[0]?.queue).toBe("default");
});

const other = keyRing(newSecret());
const good = envelope("note");
const wrapped = JSON.parse(signedWrapper(keys, good)) as Record<string, unknown>;
test.each<[string, Parameters<typeof daemonRequest>[0]]>([
  ["is not signed", { body: good }],
  ["is no envelope, and not signed", { body: "{}" }],
  ["is empty", { body: "" }],
  ["was changed by one byte", { body: good.replace("note", "nope"), attributes: signedAttributes(good) }],
  ["is signed by another sender's key", { body: good, attributes: signedAttributes(good, idIn(good), other) }],
  ["has no timestamp", { body: good, attributes: { "webhook-signature": "v1,AAAA" } }],
  [
    "has a timestamp that is no number",
    { body: good, attributes: { ...signedAttributes(good), "webhook-timestamp": "now" } },
  ],
  [
    "is signed under an id with a dot, which could be part of the timestamp",
    { body: good, attributes: signedAttributes(good, "a.b") },
  ],
  ["is signed where the daemon puts nothing", { body: good, headers: signedAttributes(good) }],
  ["is wrapped and changed", { body: JSON.stringify({ ...wrapped, envelope: good.replace("note", "nope") }) }],
  ["is wrapped under another id", { body: JSON.stringify({ ...wrapped, id: idIn(envelope("note")) }) }],
  ["is wrapped by another sender", { body: signedWrapper(other, good) }],
  ["is wrapped in another format", { body: JSON.stringify({ ...wrapped, spec: "waybill-signed/2" }) }],
  ["is a periodic task, of which there are none", { body: "", headers: { "X-Aws-Sqsd-Taskname": "constructor" } }],
])("a request that %s is refused with 403 and no detail, and nothing runs", async (_, message) => {
  const { receiver, ran, refused } = behindSqsd();
  const response = await receiver(daemonRequest(message));
  expect([response.status, await response.json()]).toEqual([
    403,
    { type: "urn:waybill:problem:forbidden", title: "Forbidden", status: 403, code: "FORBIDDEN" },
  ]);
  expect(ran).toEqual([]);
  expect(refused).toHaveLength(1);
});

test("a request that comes to another path is answered 404, the log says so, and nothing runs", async () => {
  const { receiver, ran, refused } = behindSqsd();
  const astray = { body: good, attributes: signedAttributes(good), path: "/elsewhere" };
  const response = await receiver(daemonRequest(astray));
  expect([response.status, ran, refused.length]).toEqual([404, [], 1]);
});

test("a wrapper that is signed, around an envelope of another id, is refused and nothing runs", async () => {
  const { receiver, ran } = behindSqsd();
  const id = idIn(envelope("note"));
  const timestamp = 1_790_000_000;
  const sig = keys.sign({ id, timestamp, body: good });
  const body = JSON.stringify({ spec: "waybill-signed/1", id, ts: timestamp, sig, envelope: good });
  const response = await receiver(daemonRequest({ body }));
  expect([response.status, ran]).toEqual([400, []]);
});

test("a verified body that is no envelope is refused with the envelope's code, and the log names the job", async () => {
  const { receiver, settled } = behindSqsd();
  const body = good.replace('"waybill/1"', '"waybill/9"');
  const response = await receiver(daemonRequest({ body, attributes: signedAttributes(body) }));
  expect([response.status, response.headers.get("waybill-reason")]).toEqual([400, "SPEC_UNSUPPORTED"]);
  expect(settled.map(({ id, type, queue }) => [id, type, queue])).toEqual([[idIn(good), "note", "shop-default"]]);
});

test('"unsigned" takes plain envelopes, and wrapped ones, beside unsigned native pushes', async () => {
  const { receiver, ran } = behindSqsd({ keys: "unsigned" }, { keys: "unsigned" });
  expect((await receiver(daemonRequest({ body: good, receiveCount: 2 }))).status).toBe(200);
  expect((await receiver(daemonRequest({ body: signedWrapper(other, good), receiveCount: 3 }))).status).toBe(200);
  const native = new Request("http://localhost/work", { method: "POST", body: good });
  expect((await receiver(native)).status).toBe(200);
  expect(ran.map(({ attempt, envelope: { id } }: { attempt: number; envelope: Envelope }) => [attempt, id])).toEqual(
    [2, 3, 1].map((attempt) => [attempt, idIn(good)]),
  );
});

test("requests of unknown senders do not match; the daemon's do, at every path", () => {
  const { receiver } = behindSqsd();
  const isMatched = (path: string, headers: Record<string, string>) =>
    receiver.matches({ method: "POST", path, headers });
  const marks = { "user-agent": "aws-sqsd/2.3", "x-aws-sqsd-msgid": "1" };
  expect([isMatched("/", {}), isMatched("/", { "user-agent": "curl/8" }), isMatched("/", marks)]).toEqual([
    false,
    false,
    true,
  ]);
});

test.each([0, 101, 1.5, Number.NaN])("%s HttpConnections are refused when the program starts", (httpConnections) => {
  expect(() => sqsd({ keys, httpConnections })).toThrow(/httpConnections is .* the daemon takes 1 to 100/);
});
