import { describe, expect, test } from "vitest";
import {
  createHandlerRegistry,
  execute,
  type JobLabel,
  signatureFor,
  signedWrapper,
} from "../../src/exports/endpoint.ts";
import {
  defineJob,
  handlerFor,
  keyRing,
  newId,
  newSecret,
  type Signature,
  type SignaturePolicies,
} from "../../src/index.ts";
import { connected, eventOf } from "../helpers/connected.ts";

const keys = keyRing(newSecret());
const other = keyRing(newSecret());
const pay = defineJob({ type: "pay", queue: "payments", handler() {} });

const id = newId();
const body = JSON.stringify({ spec: "waybill/1", id, type: "pay", queue: "payments", args: [{}] });

/** How a job ends that came from this queue (null: the door does not know), signed so. */
async function ends(signatures: SignaturePolicies, signature: Signature | null, queue: string | null = "payments") {
  const label: JobLabel | null = queue === null ? null : { id, type: "pay", queue };
  const counts = { attempt: 1, lost: 0, releases: 0, dueAt: null };
  const outcome = await execute(
    { body, ...counts, signature, label, worker: "test" },
    createHandlerRegistry([pay], { signatures, keys }),
  );
  return outcome.kind === "dead" ? outcome.reason.code : outcome.kind;
}

const ours = signatureFor(keys, id, body);
const forged = signatureFor(other, id, body);
const runs = "completed";
const dies = "SIGNATURE_INVALID";

describe("a policy is the table of the spec", () => {
  test.each([
    ["off", runs, runs, runs],
    ["optional", runs, dies, runs],
    ["required", dies, dies, runs],
  ] as const)("%s: unsigned %s, forged %s, signed %s", async (policy, unsigned, wrong, right) => {
    expect(await Promise.all([null, forged, ours].map((one) => ends(policy, one)))).toEqual([unsigned, wrong, right]);
  });
});

test.each<[string, Signature]>([
  ["over another body", signatureFor(keys, id, `${body} `)],
  ["over another id", signatureFor(keys, newId(), body)],
  ["with another time", { ...ours, timestamp: ours.timestamp + 1 }],
  ["that is no text, as anybody may write into a store", { timestamp: 1, value: 7 } as never],
])("a signature %s does not verify", async (_, signature) => {
  expect(await ends("optional", signature)).toBe(dies);
});

test("a signature verifies however old it is", async () => {
  const timestamp = ours.timestamp - 400 * 86_400;
  expect(await ends("required", { timestamp, value: keys.sign({ id, timestamp, body }) })).toBe(runs);
});

test("a queue that is not named is off, and a name of every object's is no queue's policy", async () => {
  expect(await ends({ mailers: "required" }, null)).toBe(runs);
  expect(await ends({ mailers: "required" }, null, "constructor")).toBe(runs);
});

test("where the door does not know the queue the strictest policy holds: what the envelope says, a forger wrote", async () => {
  expect(await ends({ mailers: "required", payments: "off" }, null, null)).toBe(dies);
});

test("a job that is not due is judged too: a forged one is not kept until its time", async () => {
  const later = JSON.stringify({ ...JSON.parse(body), scheduled_at: "2999-01-01T00:00:00Z" });
  const counts = { attempt: 1, lost: 0, releases: 0, dueAt: null, signature: null, label: null };
  const registry = createHandlerRegistry([pay], { signatures: "required", keys });
  const outcome = await execute({ body: later, ...counts, worker: "test" }, registry);
  expect(outcome).toMatchObject({ kind: "dead", reason: { code: dies } });
});

test("a worker runs what its connection signed and buries the rest, bytes and signature kept for a replay", async () => {
  const jobs = await connected("memory:", { keys });
  const mail = defineJob({ type: "mail", queue: "mailers", handler() {} });
  const spaced = ` ${body} `;
  const foreign = signatureFor(other, id, spaced);
  await jobs.enqueueBody(spaced, foreign);
  const dead = eventOf(jobs, "settled", (event) => event.outcome === "dead");
  const strict = jobs.worker({ jobs: [pay, mail], signatures: { payments: "required" } });
  await strict.start();
  expect(await dead).toMatchObject({ id, reason: { code: dies } });
  const signed = eventOf(jobs, "settled", (event) => event.type === "pay");
  await jobs.enqueue(pay, {});
  expect((await signed).outcome).toBe("completed");
  const unsigned = eventOf(jobs, "settled", (event) => event.type === "mail");
  await jobs.enqueueBody(
    JSON.stringify({ spec: "waybill/1", id: newId(), type: "mail", queue: "mailers", args: [{}] }),
  );
  expect((await unsigned).outcome).toBe("completed");
  await strict.stop();
  expect(await jobs.inspector?.deadLetters()).toMatchObject([{ body: spaced, reason: { code: dies } }]);
  await jobs.inspector?.replay();
  const replayed = eventOf(jobs, "settled");
  let came: Signature | null = null;
  const look = defineJob({ type: "pay", queue: "payments", handler: (_, job) => void (came = job.delivery.signature) });
  // A worker may have keys that its connection has not, to verify with and to sign nothing.
  await jobs.worker({ jobs: [look], signatures: "required", keys: other }).start();
  expect([(await replayed).outcome, came]).toEqual([runs, foreign]);
});

test.each<[string, object, RegExp]>([
  ["a policy without keys", { signatures: "required" }, /no keys/],
  ["a policy for a queue that is not the worker's", { signatures: { elsewhere: "off" }, keys }, /"elsewhere"/],
  ["a policy that does not exist", { signatures: "always", keys }, /one of off, optional, required/],
  ["keys that nothing is verified with", { keys }, /signatures/],
])("%s is refused before the worker starts", async (_, options, message) => {
  const jobs = await connected();
  expect(() => jobs.worker({ jobs: [pay], ...options })).toThrow(message);
});

describe("a job that comes in the signed wrapper", () => {
  const from = (text: string, signatures: SignaturePolicies) =>
    execute(
      { body: text, attempt: 1, lost: 0, releases: 0, dueAt: null, signature: null, label: null, worker: "test" },
      createHandlerRegistry([handlerFor(inWrapper, (_, job) => void seen.push(job.delivery.body))], {
        signatures,
        keys,
      }),
    );
  const inWrapper = defineJob({ type: "pay" });
  const seen: string[] = [];

  test("runs as the envelope within, and its signature is the wrapper's", async () => {
    expect(await from(signedWrapper(keys, body), "required")).toMatchObject({ kind: "completed" });
    expect(seen).toEqual([body]);
    expect(await from(signedWrapper(other, body), "optional")).toMatchObject({ reason: { code: dies } });
  });

  test("is refused when the wrapper is another job's, whatever the policy", async () => {
    const fields = JSON.parse(signedWrapper(keys, body)) as object;
    expect(await from(JSON.stringify({ ...fields, id: newId() }), "off")).toMatchObject({ reason: { code: dies } });
  });

  test("is judged by the envelope's own code when what is within is none", async () => {
    const fields = JSON.parse(signedWrapper(keys, body)) as object;
    const outcome = await from(JSON.stringify({ ...fields, envelope: '{"spec":"waybill/1"}' }), "off");
    expect(outcome).toMatchObject({ kind: "dead", reason: { code: "FIELD_MISSING" } });
  });
});
