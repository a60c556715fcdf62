import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { defineJob, keyRing, newId, newSecret, type Signature } from "../../src/index.ts";
import { type Delivery, signedWrapper } from "../../src/exports/endpoint.ts";
import { testJobs } from "../../src/testing/index.ts";
import { connected, memoryWith } from "../helpers/connected.ts";

const ring = keyRing(newSecret());
const envelope = (more: object = {}): string =>
  JSON.stringify({ spec: "waybill/1", id: newId(), type: "work", args: [{}], ...more });

/** A wrapper that signs one envelope and holds another. */
const wrapping = (signed: string, held: string): string =>
  JSON.stringify({ ...(JSON.parse(signedWrapper(ring, signed)) as object), envelope: held });

function freshFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "waybill-bodies-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return `sqlite:${join(folder, "jobs.db")}`;
}

/** The deliveries of the next jobs, once there are as many. */
async function delivered(jobs: Awaited<ReturnType<typeof connected>>, count: number): Promise<Delivery[]> {
  const seen: Delivery[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const job = defineJob({
    type: "work",
    handler(_, { delivery }) {
      seen.push(delivery);
      if (seen.length === count) resolve();
    },
  });
  await jobs.worker({ jobs: [job] }).start();
  await promise;
  return seen;
}

describe.each([
  ["memory", () => "memory:"],
  ["SQLite", freshFile],
])("on %s", (_, urlOf) => {
  test("connect({ keys }) signs every job, and the signature arrives with the lease", async () => {
    const jobs = await connected(urlOf(), { keys: ring });
    await jobs.enqueue("work", { n: 1 });
    const [many] = await jobs.enqueueMany([{ job: "work", payload: { n: 2 } }]);
    expect(many?.ok).toBe(true);
    const came = await delivered(jobs, 2);
    for (const { body, signature } of came) {
      const { id } = JSON.parse(body) as { id: string };
      const { timestamp, value } = signature as Signature;
      expect(Math.abs(timestamp - Date.now() / 1_000)).toBeLessThan(60);
      expect(ring.verify({ id, timestamp, body }, value)).toBe(true);
      expect(keyRing(newSecret()).verify({ id, timestamp, body }, value)).toBe(false);
    }
  });

  test("without keys no job is signed", async () => {
    const jobs = await connected(urlOf());
    await jobs.enqueue("work", {});
    expect((await delivered(jobs, 1))[0]?.signature).toBeNull();
  });

  test("an envelope that somebody else made is stored byte for byte, with the signature it came with", async () => {
    const jobs = await connected(urlOf(), { keys: ring });
    const stored: object[] = [];
    jobs.events.on("enqueued", ({ id, type, queue, stored: isNew }) => stored.push({ id, type, queue, stored: isNew }));
    const body = `\n${envelope({ queue: "default", args: ["\u2028", 1e2] }).replace("100", "1e2")} `;
    const { id } = JSON.parse(body) as { id: string };
    const signature = { timestamp: 1_700_000_000, value: "v1,theirs" };
    expect(await jobs.enqueueBody(body, signature)).toEqual({ id, stored: true });
    expect(await jobs.enqueueBody(body, signature)).toEqual({ id, stored: false });
    const plain = envelope();
    await jobs.enqueueBody(plain);
    const came = await delivered(jobs, 2);
    expect(came.map((one) => ({ body: one.body, signature: one.signature }))).toEqual([
      { body, signature },
      { body: plain, signature: null },
    ]);
    expect(stored).toContainEqual({ id, type: "work", queue: "default", stored: true });
    expect(stored).toContainEqual({ id, type: "work", queue: "default", stored: false });
  });

  test("of a signed wrapper the envelope inside is stored, with the signature inside and not the one beside", async () => {
    const jobs = await connected(urlOf());
    const body = envelope();
    const wrapper = signedWrapper(ring, body);
    const { id } = JSON.parse(body) as { id: string };
    expect(await jobs.enqueueBody(wrapper, { timestamp: 1, value: "v1,beside" })).toEqual({ id, stored: true });
    expect(await jobs.enqueueBody(wrapper)).toEqual({ id, stored: false });
    const { ts: timestamp, sig: value } = JSON.parse(wrapper) as { ts: number; sig: string };
    const [came] = await delivered(jobs, 1);
    expect([came?.body, came?.signature]).toEqual([body, { timestamp, value }]);
  });

  test("other bytes under an id that is taken are refused", async () => {
    const jobs = await connected(urlOf());
    const body = envelope();
    await jobs.enqueueBody(body);
    await expect(jobs.enqueueBody(`${body} `)).rejects.toMatchObject({ code: "ID_CONFLICT" });
  });
});

test.each([
  ["no JSON", "JSON_SYNTAX", "nonsense"],
  ["no envelope", "ENVELOPE_NOT_OBJECT", "[]"],
  ["of a later spec", "SPEC_UNSUPPORTED", envelope({ spec: "waybill/2" })],
  ["without an id", "FIELD_MISSING", envelope({ id: undefined })],
  ["a wrapper of no envelope", "FIELD_MISSING", wrapping(envelope(), "{}")],
  ["a wrapper that signs another job", "SIGNATURE_INVALID", wrapping(envelope(), envelope())],
])("a body that is %s is refused, and nothing is stored", async (_, envelopeCode, body) => {
  const jobs = await connected();
  await expect(jobs.enqueueBody(body)).rejects.toMatchObject({ code: "ENVELOPE_INVALID", envelopeCode });
  expect(await jobs.inspector?.counts()).toEqual([]);
});

test("what others made may be larger than what is made here, up to the spec's limit and the backend's", async () => {
  const jobs = await connected("memory:", { maxBodyBytes: 1_000 });
  const large = (bytes: number): string => {
    const frame = envelope({ args: [""] });
    return frame.replace('[""]', `["${"x".repeat(bytes - frame.length)}"]`);
  };
  await expect(jobs.enqueue("work", "x".repeat(1_000))).rejects.toMatchObject({
    code: "CAPABILITY_MISSING",
    message: expect.stringContaining("the limit is 1000 bytes"),
  });
  expect(await jobs.enqueueBody(large(1_048_576))).toMatchObject({ stored: true });
  await expect(jobs.enqueueBody(large(1_048_577))).rejects.toMatchObject({ envelopeCode: "BODY_TOO_LARGE" });
  const small = await connected(
    memoryWith(({ capabilities }) => ({ capabilities: { ...capabilities, maxBodyBytes: 2_000 } })),
  );
  await expect(small.enqueueBody(large(2_001))).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
});

test("one that asks for unique keys is refused where they are not kept: it would be a dead letter later", async () => {
  const jobs = await testJobs({ jobs: [], like: "sqs" });
  onTestFinished(() => jobs.close());
  const asking = jobs.enqueueBody(envelope({ dedupe: { key: "a" } }));
  await expect(asking).rejects.toMatchObject({ code: "CAPABILITY_MISSING", message: expect.stringMatching(/dedupe/) });
  expect(await jobs.inspector?.counts()).toEqual([]);
});

test("one of a type that is not registered is stored, and told of: its worker may be elsewhere", async () => {
  const jobs = await connected("memory:", { jobs: [defineJob({ type: "known" })] });
  const unknown: string[] = [];
  jobs.events.on("unknown_type", ({ type }) => unknown.push(type));
  await jobs.enqueueBody(envelope({ type: "known" }));
  expect(await jobs.enqueueBody(envelope({ type: "theirs" }))).toMatchObject({ stored: true });
  expect(unknown).toEqual(["theirs"]);
});

test("one that is due later is delivered then", async () => {
  const jobs = await connected();
  await jobs.enqueueBody(envelope({ scheduled_at: new Date(Date.now() + 3_600_000).toISOString() }));
  expect(await jobs.inspector?.counts()).toMatchObject([{ ready: 0, delayed: 1 }]);
});
