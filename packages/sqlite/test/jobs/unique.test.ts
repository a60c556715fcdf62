import { DatabaseSync } from "node:sqlite";
import type { Message, UniqueKey } from "@waybill/core/backend";
import { describe, expect, test } from "vitest";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

const why = { code: "TEST", message: "why" };

/** A message of the key "k". */
function unique(id: string, part: Partial<UniqueKey> = {}, more: Partial<Message> = {}): Message {
  return message({ id, unique: { key: "k", until: "end", onConflict: "reject", ...part }, ...more });
}

const stored = { ok: true, value: { stored: true } };
const duplicateOf = (id: string) => ({ ok: false, error: { code: "DUPLICATE_JOB", duplicateOf: id } });
const ignoredFor = (id: string) => ({ ok: true, value: { stored: false, duplicateOf: id } });

describe("a key that is taken until the end", () => {
  test.for(["ready", "delayed", "leased", "retried"] as const)("is taken while its job is %s", async (state) => {
    const backend = await open({ path: temporaryFile() });
    await backend.enqueue([unique("one", {}, { delayMs: state === "delayed" ? 60_000 : 0 })]);
    if (state === "leased") await lease(backend);
    if (state === "retried") {
      const [oneLease] = await lease(backend);
      await backend.retry(oneLease!, { delayMs: 60_000, countsAttempt: true });
    }
    expect(await backend.enqueue([unique("two"), unique("three", { onConflict: "ignore" })])).toMatchObject([
      duplicateOf("one"),
      ignoredFor("one"),
    ]);
  });

  test.for([
    ["acked", async (backend, [one]) => void (await backend.ack([one!]))],
    ["a dead letter", async (backend, [one]) => backend.deadLetter(one!, why)],
    [
      "dropped",
      async (backend, [one]) => {
        await backend.deadLetter(one!, why);
        await backend.inspector.drop();
      },
    ],
  ] as [
    string,
    (backend: Awaited<ReturnType<typeof open>>, leases: Awaited<ReturnType<typeof lease>>) => Promise<void>,
  ][])("is free once its job is %s", async ([, end]) => {
    const backend = await open({ path: temporaryFile() });
    await backend.enqueue([unique("one")]);
    await end(backend, await lease(backend));
    expect(await backend.enqueue([unique("two")])).toMatchObject([stored]);
  });

  test("is free once another program has deleted its job", async () => {
    const path = temporaryFile();
    const backend = await open({ path });
    await backend.enqueue([unique("one")]);
    const db = new DatabaseSync(path);
    db.exec("DELETE FROM waybill_jobs");
    db.close();
    expect(await backend.enqueue([unique("two")])).toMatchObject([stored]);
  });
});

test("a key that is taken until the start is free from the first lease on, also while the job waits for its retry", async () => {
  const backend = await open({ path: temporaryFile() });
  const until = { until: "start" } as const;
  await backend.enqueue([unique("one", until)]);
  expect(await backend.enqueue([unique("two", until)])).toMatchObject([duplicateOf("one")]);
  const [one] = await lease(backend);
  expect(await backend.enqueue([unique("three", until)])).toMatchObject([stored]);
  await backend.retry(one!, { delayMs: 0, countsAttempt: true });
  expect(await backend.enqueue([unique("four", until)])).toMatchObject([duplicateOf("three")]);
});

test("a key that is taken for a time is taken for that long after its job has ended, and its row is then removed", async () => {
  let offset = 0;
  const path = temporaryFile();
  const backend = await open({ path }, { now: () => Date.now() + offset });
  const until = { until: 60_000 };
  await backend.enqueue([unique("one", until)]);
  await backend.ack(await lease(backend));
  expect(await backend.enqueue([unique("two", until), unique("two", {}), unique("one", until)])).toMatchObject([
    duplicateOf("one"),
    duplicateOf("one"),
    { ok: true, value: { id: "one", stored: false } },
  ]);
  offset = 60_001;
  expect(await backend.enqueue([unique("three")])).toMatchObject([stored]);
  offset = 120_000;
  await backend.ack(await lease(backend));
  const db = new DatabaseSync(path, { readOnly: true });
  await lease(backend, { waitMs: 600 });
  expect(db.prepare("SELECT * FROM waybill_unique").all()).toEqual([]);
  db.close();
});

describe("replace", () => {
  const replace = { onConflict: "replace" } as const;

  test.for([
    ["ready", "end", 0],
    ["delayed", "end", 60_000],
    ["ready", 60_000, 0],
  ] as const)("takes the place of a job that is %s, of a key until %s", async ([, until, delayMs]) => {
    const backend = await open({ path: temporaryFile() });
    await backend.enqueue([unique("one", { until }, { delayMs })]);
    expect(await backend.enqueue([unique("two", replace)])).toMatchObject([{ ok: true, value: { replaced: "one" } }]);
    expect(await backend.enqueue([unique("three", { ...replace, until })])).toMatchObject([
      { ok: true, value: { stored: true, replaced: "two" } },
    ]);
    expect(await lease(backend, { limit: 5 })).toMatchObject([{ id: "three" }]);
    expect(await backend.inspector.counts()).toMatchObject([{ ready: 0, delayed: 0, leased: 1 }]);
  });

  test("of a job that was leased once is refused, while it runs and while it waits", async () => {
    const backend = await open({ path: temporaryFile() });
    await backend.enqueue([unique("one")]);
    const [one] = await lease(backend);
    expect(await backend.enqueue([unique("two", replace)])).toMatchObject([duplicateOf("one")]);
    await backend.retry(one!, { delayMs: 0, countsAttempt: false });
    expect(await backend.enqueue([unique("two", replace)])).toMatchObject([duplicateOf("one")]);
  });

  test("judges the messages of one call in order", async () => {
    const backend = await open({ path: temporaryFile() });
    const results = await backend.enqueue([
      message(),
      unique("one"),
      unique("two", replace),
      unique("three"),
      message(),
    ]);
    expect(results).toMatchObject([
      stored,
      stored,
      { ok: true, value: { replaced: "one" } },
      duplicateOf("two"),
      stored,
    ]);
    expect(await lease(backend, { limit: 9 })).toHaveLength(3);
  });
});

test("a dead letter whose key is taken again stays one, the others are replayed, and the error names both", async () => {
  const backend = await open({ path: temporaryFile() });
  await backend.enqueue([unique("one"), message({ id: "other" })]);
  for (const one of await lease(backend, { limit: 2 })) await backend.deadLetter(one, why);
  await backend.enqueue([unique("two")]);
  const words = 'job "one" was not replayed: job "two" has its unique key; replay the dead letter once the key is free';
  const refusal = { code: "DUPLICATE_JOB", id: "one", duplicateOf: "two", message: words };
  await expect(backend.inspector.replay()).rejects.toMatchObject(refusal);
  expect(await backend.inspector.deadLetters()).toMatchObject([{ id: "one" }]);
  const leases = await lease(backend, { limit: 5 });
  expect(leases).toMatchObject([{ id: "two" }, { id: "other" }]);
  await backend.ack(leases);
  expect(await backend.inspector.replay()).toBe(1);
  expect(await backend.enqueue([unique("three")])).toMatchObject([duplicateOf("one")]);
});

test("a duplicate in the caller's transaction changes nothing, and the key is taken once it commits", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  const db = new DatabaseSync(path);
  db.exec("BEGIN IMMEDIATE");
  expect(await backend.enqueueIn(db, [unique("one"), unique("two")])).toMatchObject([stored, duplicateOf("one")]);
  db.exec("ROLLBACK; BEGIN IMMEDIATE");
  expect(await backend.enqueueIn(db, [unique("two")])).toMatchObject([stored]);
  db.exec("COMMIT");
  db.close();
  expect(await backend.enqueue([unique("three")])).toMatchObject([duplicateOf("two")]);
});

test("an arrival whose key is taken is a dead letter, and one that gives way is dropped", async () => {
  const path = temporaryFile();
  const admits = (body: string) =>
    ({
      ok: true,
      message: unique(body, { onConflict: body === "gives way" ? "ignore" : "reject" }, { body }),
    }) as const;
  const backend = await open({ path }, { admits });
  const db = new DatabaseSync(path);
  const arrive = db.prepare("INSERT INTO waybill_inbox (id, envelope) VALUES (?, ?)");
  for (const id of ["first", "second", "gives way"]) arrive.run(id, id);
  db.close();
  const leases = await lease(backend, { limit: 5, waitMs: 2_000 });
  expect(leases).toMatchObject([{ id: "first" }]);
  expect(await backend.inspector.deadLetters()).toMatchObject([
    {
      id: "second",
      reason: {
        code: "DUPLICATE_JOB",
        message: expect.stringMatching(/was not stored: .*; replay the dead letter once/),
      },
    },
  ]);
  await backend.ack(leases);
  expect(await backend.inspector.replay()).toBe(1);
  expect(await lease(backend, { limit: 5, waitMs: 2_000 })).toMatchObject([{ id: "second" }]);
});
