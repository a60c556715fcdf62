import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { watchBlockedLoop } from "../blocked-loop.ts";
import { start } from "../children/start.ts";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

test("while another process writes for 2 s, the event loop never blocks for 100 ms, and the write then succeeds", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  const writer = start("write", path, { ms: 2_000 });
  await writer.firstLines(1);
  const longest = watchBlockedLoop();
  const begun = performance.now();
  const waiting = lease(backend, { waitMs: 10_000 });
  const sent = message();
  const enqueued = backend.enqueue([sent]);
  // Ends before the lock is free: the sync to disk of a commit blocks for as long as the disk takes.
  await sleep(1_500);
  expect(longest()).toBeLessThan(100);
  expect(await enqueued).toMatchObject([{ ok: true }]);
  expect(performance.now() - begun).toBeGreaterThan(1_700);
  expect((await waiting).map(({ id }) => id)).toEqual([sent.id]);
});

test("neither do an opening, the ledger, keys, job control, the worker registry, replay and the doctor block it", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  const { ledger, jobControl, workerRegistry, inspector, doctor } = backend;
  const [leased, one, two] = [message(), message(), message()];
  await backend.enqueue([leased]);
  const [oneLease] = await lease(backend);
  if (oneLease !== undefined) await backend.deadLetter(oneLease, { code: "TEST", message: "" });
  await backend.enqueue([one, two]);
  const writer = start("write", path, { ms: 2_000 });
  await writer.firstLines(1);
  const longest = watchBlockedLoop();
  const begun = performance.now();
  const reads = await Promise.all([
    ledger.read(["once/a"]),
    jobControl.list({}),
    workerRegistry.list(),
    inspector.counts(),
    doctor.checks(),
  ]);
  expect(reads[1].jobs).toHaveLength(3);
  expect(performance.now() - begun, "reads do not wait").toBeLessThan(1_000);
  const limits = { limit: 1, concurrency: { sync: 1 }, excludeTypes: ["test.other"], waitMs: 10_000 };
  const writing = Promise.all([
    open({ path }).then(() => "opened"),
    ledger.commit([{ key: "once/a", value: "1", ifVersion: "absent" }]),
    backend.enqueue([
      { ...message(), unique: { key: "a", until: "end", onConflict: "replace" }, limitKeys: { sync: "a" } },
    ]),
    lease(backend, limits).then(({ length }) => length),
    jobControl.cancel([two.id]),
    jobControl.reschedule([one.id], 60_000),
    workerRegistry.announce(randomUUID(), "{}", 60_000),
    inspector.replay(),
  ]);
  await sleep(1_500);
  expect(longest()).toBeLessThan(100);
  expect(await writing).toMatchObject(["opened", { ok: true }, [{ ok: true }], 1, ["done"], ["done"], undefined, 1]);
  expect(performance.now() - begun).toBeGreaterThan(1_700);
});

test("a write lock that is never released rejects enqueue within 10 s, naming the lock, and a lease call that looks once", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  // To find no job needs no lock.
  await backend.enqueue([message()]);
  const writer = start("write", path, { ms: 12_000 });
  await writer.firstLines(1);
  const longest = watchBlockedLoop();
  const begun = performance.now();
  const [enqueued, looked, waited] = await Promise.allSettled([
    backend.enqueue([message()]),
    lease(backend),
    lease(backend, { waitMs: 300 }),
  ]);
  expect(performance.now() - begun).toBeGreaterThan(9_000);
  expect(performance.now() - begun).toBeLessThan(10_000);
  const refusal = { code: "BACKEND_UNAVAILABLE", message: expect.stringMatching(/write lock of ".*waybill\.db"/) };
  expect(enqueued).toMatchObject({ status: "rejected", reason: refusal });
  expect(looked).toMatchObject({ status: "rejected", reason: refusal });
  expect(waited).toMatchObject({ status: "fulfilled", value: [] });
  expect(longest()).toBeLessThan(100);
  await writer.ended;
  expect(await backend.enqueue([message()])).toMatchObject([{ ok: true }]);
});
