import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { lease, open, temporaryFile } from "../temporary-file.ts";

/** The clock of this process, which a test may set. */
function settableClock(): { now: () => number; set: (byMs: number) => void } {
  let offset = 0;
  return { now: () => Date.now() + offset, set: (byMs) => void (offset += byMs) };
}

const HOUR_MS = 3_600_000;
const written = (key: string, more: { dueInMs?: number; expiresInMs?: number } = {}) =>
  ({ key, ifVersion: "any", value: "x", ...more }) as const;

test("the version of a deleted record never comes back, also for another connection and after a restart", async () => {
  const path = temporaryFile();
  const first = await open({ path });
  const versions: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const { ledger, close } = round === 0 ? first : await open({ path });
    const commit = await ledger.commit([written("a/1"), written("a/2")]);
    if (!commit.ok) throw new Error("a conflict");
    versions.push(...commit.versions);
    await ledger.commit([
      { key: "a/1", ifVersion: "any", value: null },
      { key: "a/2", ifVersion: "any", value: null },
    ]);
    await close();
  }
  expect(new Set(versions).size).toBe(6);
  expect(versions).toEqual(versions.toSorted((a, b) => a - b));
});

test("a file whose last version another program deleted goes on above its highest", async () => {
  const path = temporaryFile();
  const { ledger } = await open({ path });
  const before = await ledger.commit([written("a"), written("b")]);
  const db = new DatabaseSync(path);
  db.exec("DELETE FROM waybill_ledger WHERE key = ''");
  db.close();
  const after = await ledger.commit([written("c")]);
  expect([before, after]).toMatchObject([
    { ok: true, versions: [1, 2] },
    { ok: true, versions: [3] },
  ]);
});

test("expired records leave the file while a worker waits, also where nothing is written", async () => {
  const clock = settableClock();
  const path = temporaryFile();
  const backend = await open({ path }, clock);
  const keys = Array.from({ length: 150 }, (_, n) => written(`a/${n}`, { expiresInMs: 1_000 }));
  await backend.ledger.commit([...keys, written("stays")]);
  clock.set(60_000);
  await expect
    .poll(
      async () => {
        await lease(backend, { waitMs: 50 });
        const db = new DatabaseSync(path, { readOnly: true });
        const rows = db.prepare("SELECT key FROM waybill_ledger WHERE key > ''").all();
        db.close();
        return rows;
      },
      { timeout: 10_000 },
    )
    .toEqual([{ key: "stays" }]);
});

test("commits remove expired records where no worker runs", async () => {
  const clock = settableClock();
  const path = temporaryFile();
  const { ledger } = await open({ path }, clock);
  await ledger.commit(Array.from({ length: 150 }, (_, n) => written(`a/${n}`, { expiresInMs: 1_000 })));
  clock.set(2_000);
  for (let count = 0; count < 3; count += 1) await ledger.commit([written("b")]);
  const db = new DatabaseSync(path, { readOnly: true });
  expect(db.prepare("SELECT count(*) AS count FROM waybill_ledger WHERE key > ''").get()).toEqual({ count: 1 });
  db.close();
});

test("a clock set back an hour makes no record due or gone an hour late", async () => {
  const clock = settableClock();
  const backend = await open({ path: temporaryFile() }, clock);
  await backend.ledger.commit([written("a/due", { dueInMs: 5_000 }), written("a/gone", { expiresInMs: 5_000 })]);
  clock.set(-HOUR_MS);
  await lease(backend, { waitMs: 700 });
  clock.set(6_000);
  expect(await backend.ledger.due({ prefix: "a/", limit: 5 })).toMatchObject([{ key: "a/due" }]);
  expect(await backend.ledger.read(["a/gone"])).toEqual([null]);
});

test("of 20 commits at once that expect one version, from two connections, one succeeds", async () => {
  const path = temporaryFile();
  const ledgers = [(await open({ path })).ledger, (await open({ path })).ledger];
  const [first] = ledgers;
  const made = await first?.commit([written("a")]);
  const ifVersion = made?.ok ? (made.versions[0] ?? 0) : 0;
  const commits = await Promise.all(
    Array.from({ length: 20 }, (_, n) => ledgers[n % 2]!.commit([{ key: "a", ifVersion, value: String(n) }])),
  );
  expect(commits.filter(({ ok }) => ok)).toHaveLength(1);
});
