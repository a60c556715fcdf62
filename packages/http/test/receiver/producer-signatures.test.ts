import { defineJob, keyRing, newId, newSecret, type Signature, type SignaturePolicy } from "@waybill/core";
import { signatureFor, signedWrapper } from "@waybill/core/endpoint";
import { describe, expect, test } from "vitest";
import { createReceiver } from "../../src/index.ts";
import { keys, receiving } from "../support/signed-requests.ts";

const producer = keyRing(newSecret());
const jobs = [defineJob({ type: "pay", handler() {} })];
const id = newId();
/** What it says of its queue counts for nothing. */
const body = `{ "spec": "waybill/1", "id": "${id}", "type": "pay", "queue": "unwatched", "args": [{}] }`;

const beside = ({ timestamp, value }: Signature): Readonly<Record<string, string>> => ({
  "waybill-signature": value,
  "waybill-signature-timestamp": String(timestamp),
});

/** Returns the response to a request that a sender of ours signed. */
async function responseOf(signatures: SignaturePolicy, headers: Readonly<Record<string, string>>): Promise<unknown> {
  const { push } = await receiving({ jobs, signatures, producerKeys: producer });
  const { status, json } = await push(body, { headers });
  return status === 200 ? "runs" : [status, json["code"]];
}

describe("a sender may push, and yet not make jobs", () => {
  const unsigned = {};
  const signed = beside(signatureFor(producer, id, body));
  const bySender = beside(signatureFor(keys, id, body));
  const dead = [422, "SIGNATURE_INVALID"];

  test.each([
    ["off", "runs", "runs", "runs"],
    ["optional", "runs", dead, "runs"],
    ["required", dead, dead, "runs"],
  ] as const)("%s: unsigned %j, signed by the sender %j, by the producer %j", async (policy, ...expected) => {
    const seen = [];
    for (const headers of [unsigned, bySender, signed]) seen.push(await responseOf(policy, headers));
    expect(seen).toEqual(expected);
  });
});

describe("a wrapper that is pushed unchanged", () => {
  const wrapper = signedWrapper(producer, body);

  test("is taken off: the job within runs by the signature in it, under its own id", async () => {
    const { push } = await receiving({ jobs, signatures: "required", producerKeys: producer });
    expect((await push(wrapper)).status).toBe(200);
  });

  test("and was signed under another id than the job within is no job", async () => {
    const { push, receiver } = await receiving({ jobs, signatures: "required", producerKeys: producer });
    const ran: unknown[] = [];
    receiver.events.on("started", (event) => void ran.push(event));
    const response = await push(wrapper, { as: { id: newId() } });
    expect(response).toMatchObject({ status: 400, json: { code: "CARRIER_INVALID" } });
    expect(ran).toEqual([]);
  });

  test("and signs another job than it holds is dead", async () => {
    const { push } = await receiving({ jobs, signatures: "off" });
    const other = newId();
    const { timestamp: ts, value: sig } = signatureFor(keys, other, body);
    const wrong = { ...(JSON.parse(wrapper) as object), id: other };
    const code = "SIGNATURE_INVALID";
    expect(await push(JSON.stringify({ ...wrong, ts, sig }))).toMatchObject({ status: 400, json: { code } });
    expect(await push(JSON.stringify({ ...wrong, id: newId() }))).toMatchObject({ status: 422, json: { code } });
  });
});

describe("a wrapper at a receiver without a policy is judged by its own secrets", () => {
  test.each([
    ["one of them signed it", keys, "runs"],
    ["a stranger signed it", producer, [422, "SIGNATURE_INVALID"]],
    ["it was signed as a request is", keys.requests, [422, "SIGNATURE_INVALID"]],
  ])("%s", async (_, by, expected) => {
    const { push } = await receiving({ jobs });
    const { status, json } = await push(signedWrapper(by, body));
    expect(status === 200 ? "runs" : [status, json["code"]]).toEqual(expected);
  });

  test("and not where unsigned requests are accepted: every client may push there", async () => {
    const { push } = await receiving({ jobs, keys: "unsigned" });
    expect((await push(signedWrapper(producer, body))).status).toBe(200);
  });
});

test.each<[string, object, RegExp]>([
  ["a policy without the producers' keys", { signatures: "required" }, /no keys/],
  ["keys that nothing is verified with", { producerKeys: producer }, /signatures/],
  ["a policy for one queue", { signatures: { pay: "required" }, producerKeys: producer }, /one policy/],
])("%s is refused at the start", (_, options, message) => {
  expect(() => createReceiver({ jobs, keys, log: "off", ...options })).toThrow(message);
});
