import { connect, defineJob } from "@waybill/core";
import type { Admit } from "@waybill/core/backend";
import { parseEnvelope } from "@waybill/core/endpoint";
import { ignoredReport } from "@waybill/test-servers/fixtures";
import { describe, expect, test } from "vitest";
import { freshSchema, freshUrl, lease, message, open, sql } from "../database.ts";

/** Admits JSON with an id, as core admits envelopes, with its queue and type. */
const admit: Admit = (body, signature) => {
  try {
    const {
      id,
      type = "mail.send",
      queue = "default",
    } = JSON.parse(body) as { id: string; type?: string; queue?: string };
    return { ok: true, message: message({ id, type, queue, body, signature }) };
  } catch (error) {
    return { ok: false, reason: { code: "JSON_MALFORMED", message: String(error) } };
  }
};

async function insert(
  schema: string,
  id: string,
  envelope: string,
  signature: [string, number] | null = null,
): Promise<void> {
  await sql(
    `INSERT INTO "${schema}".inbox (id, envelope, signature, signature_timestamp) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING`,
    [id, envelope, signature?.[0] ?? null, signature?.[1] ?? null],
  );
}

describe("a row inserted by plain SQL", () => {
  test("becomes a job with its bytes and its signature, and wakes a waiting worker", async () => {
    const schema = freshSchema();
    const backend = await open({ schema }, { admit, report: ignoredReport });
    const waiting = lease(backend, { queue: "mail", waitMs: 5_000 });
    const envelope = '{ "id": "a",  "queue":"mail", "type":"mail.send", "text": "żółw \u2028" }';
    await new Promise((resolve) => setTimeout(resolve, 200));
    const inserted = performance.now();
    await insert(schema, "a", envelope, ["v1,abc", 1_700_000_000]);
    const [taken] = await waiting;
    expect(performance.now() - inserted).toBeLessThan(500);
    const signature = { timestamp: 1_700_000_000, value: "v1,abc" };
    expect(taken).toMatchObject({ id: "a", queue: "mail", type: "mail.send", body: envelope, signature, attempt: 1 });
    expect(await sql(`SELECT * FROM "${schema}".inbox`)).toEqual([]);
  });

  test("waits in the table while no worker runs", async () => {
    const schema = freshSchema();
    const first = await open({ schema }, { admit, report: ignoredReport });
    await first.close();
    await insert(schema, "a", '{"id":"a"}');
    const later = await open({ schema }, { admit, report: ignoredReport });
    expect(await lease(later)).toMatchObject([{ id: "a" }]);
  });

  test("is admitted once while several processes wait", async () => {
    const schema = freshSchema();
    const backends = await Promise.all([1, 2, 3].map(() => open({ schema }, { admit, report: ignoredReport })));
    const stop = new AbortController();
    const found: string[] = [];
    const takers = backends.map(async (backend) => {
      while (!stop.signal.aborted) {
        for (const { id } of await lease(backend, { limit: 100, waitMs: 5_000, signal: stop.signal })) found.push(id);
      }
    });
    const ids = Array.from({ length: 500 }, (_, index) => `job-${index}`);
    await sql(
      `INSERT INTO "${schema}".inbox (id, envelope) SELECT id, '{"id":"' || id || '"}' FROM unnest($1::text[]) AS id`,
      [ids],
    );
    await expect.poll(() => found.length, { timeout: 10_000 }).toBe(500);
    stop.abort();
    await Promise.all(takers);
    expect(new Set(found).size).toBe(500);
  });
});

describe("a malformed row stops no other job and is kept, byte for byte", () => {
  test("a wrapper whose signature has a character that text cannot store is refused, and the row behind it runs", async () => {
    const schema = freshSchema();
    const jobs = await connect(await freshUrl(schema), { log: "off" });
    const ran: string[] = [];
    const greet = defineJob({ type: "greeting.print", handler: (_, job) => void ran.push(job.id) });
    const envelope = (id: string): string =>
      JSON.stringify({ spec: "waybill/1", id, type: "greeting.print", args: [1] });
    const bad = "019539a4-b68c-7def-8000-1a2b3c4d5e60";
    const good = "019539a4-b68c-7def-8000-1a2b3c4d5e61";
    const wrapper = { spec: "waybill-signed/1", id: bad, ts: 1, sig: "v1,\0", envelope: envelope(bad) };
    await insert(schema, bad, JSON.stringify(wrapper));
    await insert(schema, good, envelope(good));
    await jobs.worker({ jobs: [greet] }).start();
    await expect.poll(() => ran, { timeout: 5_000 }).toEqual([good]);
    expect(await jobs.inspector?.deadLetters()).toMatchObject([{ id: bad, reason: { code: "JSON_STRING_FORBIDDEN" } }]);
    await jobs.close();
  });

  test("it becomes a dead letter with core's code, the next row is served, and a replay judges it again", async () => {
    const schema = freshSchema();
    const jobs = await connect(await freshUrl(schema), { log: "off" });
    const ran: string[] = [];
    const greet = defineJob({ type: "greeting.print", handler: (_, job) => void ran.push(job.id) });
    await jobs.worker({ jobs: [greet] }).start();
    const bad = '{"id": "broken", ';
    const id = "019539a4-b68c-7def-8000-1a2b3c4d5e6f";
    await insert(schema, "broken", bad);
    await insert(schema, id, JSON.stringify({ spec: "waybill/1", id, type: "greeting.print", args: [1] }));
    await expect.poll(() => ran, { timeout: 5_000 }).toEqual([id]);
    const dead = await jobs.inspector?.deadLetters();
    expect(dead).toMatchObject([{ id: "broken", queue: "waybill_inbox", body: bad, attempt: 1 }]);
    expect(() => parseEnvelope(bad)).toThrow();
    expect(await jobs.inspector?.replay({ ids: ["broken"] })).toBe(1);
    await expect.poll(async () => (await jobs.inspector?.deadLetters())?.length, { timeout: 5_000 }).toBe(1);
    expect(await jobs.inspector?.drop({ queue: "waybill_inbox" })).toBe(1);
    await jobs.close();
  });

  test("a row that the database refuses is kept with the reason, and those before and behind it are served", async () => {
    const schema = freshSchema();
    const unstorable: Admit = (body, signature) => {
      const verdict = admit(body, signature);
      if (!verdict.ok || !body.includes("trap")) return verdict;
      return { ok: true, message: { ...verdict.message, type: "no\0text" } };
    };
    const first = await open({ schema }, { admit: unstorable, report: ignoredReport });
    await first.close();
    for (const id of ["a", "trap", "b"]) await insert(schema, id, JSON.stringify({ id }));
    const backend = await open({ schema }, { admit: unstorable, report: ignoredReport });
    const taken = await lease(backend, { limit: 10, waitMs: 5_000 });
    expect(taken.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(await backend.inspector.deadLetters()).toMatchObject([
      { id: "trap", body: '{"id":"trap"}', reason: { code: "ADMISSION_FAILED" } },
    ]);
    expect(await sql(`SELECT * FROM "${schema}".inbox`)).toEqual([]);
  });

  test("an admit function that throws rejects that row only", async () => {
    const schema = freshSchema();
    const stumbling: Admit = (body, signature) => {
      if (body.includes("trap")) throw new Error("stumbled");
      return admit(body, signature);
    };
    const backend = await open({ schema }, { admit: stumbling, report: ignoredReport });
    await insert(schema, "trap", '{"id":"trap"}');
    await insert(schema, "a", '{"id":"a"}');
    expect(await lease(backend, { waitMs: 5_000 })).toMatchObject([{ id: "a" }]);
    expect(await backend.inspector.deadLetters()).toMatchObject([{ reason: { code: "ADMISSION_FAILED" } }]);
  });
});
