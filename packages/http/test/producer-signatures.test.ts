import { defineJob, keyRing, newId, newSecret, type Signature, type SignaturePolicy } from "@waybill/core";
import { signatureFor } from "@waybill/core/door";
import { describe, expect, test } from "vitest";
import { createReceiver } from "../src/index.ts";
import { keys, receiving } from "./pushing.ts";

const producer = keyRing(newSecret());
const jobs = [defineJob({ type: "pay", handler() {} })];
const id = newId();
/** What it says of its queue counts for nothing. */
const body = `{ "spec": "waybill/1", "id": "${id}", "type": "pay", "queue": "unwatched", "args": [{}] }`;

const beside = ({ timestamp, value }: Signature): Readonly<Record<string, string>> => ({
  "waybill-signature": value,
  "waybill-signature-timestamp": String(timestamp),
});

/** What a request that a sender of ours signed is answered. */
async function answered(signatures: SignaturePolicy, headers: Readonly<Record<string, string>>): Promise<unknown> {
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
    for (const headers of [unsigned, bySender, signed]) seen.push(await answered(policy, headers));
    expect(seen).toEqual(expected);
  });
});

test.each<[string, object, RegExp]>([
  ["a policy without the producers' keys", { signatures: "required" }, /no keys/],
  ["keys that nothing is verified with", { producerKeys: producer }, /signatures/],
  ["a policy for one queue", { signatures: { pay: "required" }, producerKeys: producer }, /one policy/],
])("%s is refused at the start", (_, options, message) => {
  expect(() => createReceiver({ jobs, keys, log: "off", ...options })).toThrow(message);
});
