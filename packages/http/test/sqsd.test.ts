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
import { createReceiver, type ReceiverOptions, signedWrapper, sqsd, type SqsdOptions } from "../src/index.ts";
import { daemonRequest, envelope, idIn, keys, signedAttributes } from "./daemon-request.ts";

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

test("a job runs that its producer signed beside the body, and the producer's signature goes with it", async () => {
  const { receiver, ran } = behindSqsd();
  const body = envelope("note");
  const answer = await receiver(daemonRequest({ body, attributes: signedAttributes(body) }));
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-waybill-job")).toBe(idIn(body));
  const signature = ran[0]?.delivery.signature;
  expect(signature && keys.verify({ id: idIn(body), timestamp: signature.timestamp, body }, signature.value)).toBe(
    true,
  );
});

test("a job of a producer that names no id runs: the envelope's own is what the signature covers", async () => {
  const { receiver, ran } = behindSqsd();
  const body = envelope("note");
  const { "waybill-id": _id, "waybill-type": _type, ...attributes } = signedAttributes(body);
  expect((await receiver(daemonRequest({ body, attributes }))).status).toBe(200);
  expect(ran.map(({ id }) => id)).toEqual([idIn(body)]);
});

test("a job runs that waited in the queue for days: a signature has no age here", async () => {
  const { receiver } = behindSqsd();
  const body = envelope("note");
  const timestamp = Math.floor(Date.now() / 1_000) - 13 * 86_400;
  const value = keys.sign({ id: idIn(body), timestamp, body });
  const attributes = { "webhook-timestamp": String(timestamp), "webhook-signature": value };
  expect((await receiver(daemonRequest({ body, attributes }))).status).toBe(200);
});

test("a body that SQS would have refused arrives as it was, by way of base64", async () => {
  const { receiver, ran } = behindSqsd();
  const body = envelope("note", { text: "ünïcode 🚚 \u0001" });
  const attributes = { ...signedAttributes(body), "waybill-encoding": "base64" };
  const wire = Buffer.from(body).toString("base64");
  expect((await receiver(daemonRequest({ body: wire, attributes }))).status).toBe(200);
  expect(ran[0]?.delivery.body).toBe(body);
  const strange = { ...attributes, "waybill-encoding": "rot13" };
  const answer = await receiver(daemonRequest({ body: wire, attributes: strange }));
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, "CARRIER_INVALID"]);
});

test("a signed wrapper as the body needs no attributes at all", async () => {
  const { receiver, ran } = behindSqsd();
  const body = envelope("note", { text: "🚚" });
  expect((await receiver(daemonRequest({ body: signedWrapper(keys, body) }))).status).toBe(200);
  expect(ran[0]?.delivery).toMatchObject({ body, signature: { value: expect.stringMatching(/^v1,/) } });
});

test("R67: the body is what counts, whatever MIME type the daemon was given, and whichever path", async () => {
  const { receiver, ran } = behindSqsd({}, { path: "/" });
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]) {
    const body = envelope("note", { text: "äöü=1&b=%41" });
    const headers = { "content-type": type };
    const request = daemonRequest({ body, attributes: signedAttributes(body), path: "/", headers });
    expect((await receiver(request)).status, type).toBe(200);
    expect(ran.at(-1)?.delivery.body).toBe(body);
  }
});

test("the attempt is what a worker counted before, and each delivery by the daemon since", async () => {
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

test("the handler is told the queue that a worker would tell it, not the one of SQS", async () => {
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
  ["is signed by somebody else's key", { body: good, attributes: signedAttributes(good, idIn(good), other) }],
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
  ["is wrapped by somebody else", { body: signedWrapper(other, good) }],
  ["is wrapped in another format", { body: JSON.stringify({ ...wrapped, spec: "waybill-signed/2" }) }],
  ["comes to another path", { body: good, attributes: signedAttributes(good), path: "/elsewhere" }],
  ["is a periodic task, of which there are none", { body: "", headers: { "X-Aws-Sqsd-Taskname": "constructor" } }],
])("a request that %s is refused with 403 and no detail, and nothing runs", async (_, message) => {
  const { receiver, ran, refused } = behindSqsd();
  const answer = await receiver(daemonRequest(message));
  expect([answer.status, await answer.json()]).toEqual([
    403,
    { type: "urn:waybill:problem:forbidden", title: "Forbidden", status: 403, code: "FORBIDDEN" },
  ]);
  expect(ran).toEqual([]);
  expect(refused).toHaveLength(1);
});

test("a wrapper that is signed, around an envelope of another id, is refused and nothing runs", async () => {
  const { receiver, ran } = behindSqsd();
  const id = idIn(envelope("note"));
  const timestamp = 1_790_000_000;
  const sig = keys.sign({ id, timestamp, body: good });
  const body = JSON.stringify({ spec: "waybill-signed/1", id, ts: timestamp, sig, envelope: good });
  const answer = await receiver(daemonRequest({ body }));
  expect([answer.status, ran]).toEqual([400, []]);
});

test("what is proven and no envelope is answered by the envelope's code, and the log names the job", async () => {
  const { receiver, settled } = behindSqsd();
  const body = good.replace('"waybill/1"', '"waybill/9"');
  const answer = await receiver(daemonRequest({ body, attributes: signedAttributes(body) }));
  expect([answer.status, answer.headers.get("waybill-reason")]).toEqual([400, "SPEC_UNSUPPORTED"]);
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

test("requests of nobody the receiver knows are not claimed; the daemon's are, wherever they come", () => {
  const { receiver } = behindSqsd();
  const claims = (path: string, headers: Record<string, string>) => receiver.claims({ method: "POST", path, headers });
  const marks = { "user-agent": "aws-sqsd/2.3", "x-aws-sqsd-msgid": "1" };
  expect([claims("/", {}), claims("/", { "user-agent": "curl/8" }), claims("/", marks)]).toEqual([false, false, true]);
});

test.each([0, 101, 1.5, Number.NaN])("%s HttpConnections are refused when the program starts", (httpConnections) => {
  expect(() => sqsd({ keys, httpConnections })).toThrow(/httpConnections is .* the daemon takes 1 to 100/);
});
