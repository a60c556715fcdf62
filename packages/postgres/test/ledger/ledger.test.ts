import type { Ledger, LedgerChange } from "@waybill/core/backend";
import { serviceUrl } from "@waybill/test-servers";
import { describe, expect, test } from "vitest";
import type { PostgresOptions } from "../../src/index.ts";
import { freshSchema, lease, open, sql, testPool } from "../database.ts";

const put = (key: string, value: string, more: Partial<LedgerChange> = {}): LedgerChange => ({
  key,
  value,
  ifVersion: "any",
  ...more,
});

/** Raises the number in each record by one, until no other commit was in between. */
async function addOne(ledger: Ledger, keys: readonly string[]): Promise<void> {
  for (;;) {
    const records = await ledger.read(keys);
    const changes = records.map((record, index): LedgerChange => {
      const key = keys[index] ?? "";
      return { key, ifVersion: record?.version ?? "absent", value: String(Number(record?.value ?? 0) + 1) };
    });
    if ((await ledger.commit(changes)).ok) return;
  }
}

const WAYS: readonly (readonly [name: string, options: () => Promise<Omit<Partial<PostgresOptions>, "schema">>])[] = [
  ["on a server", async () => ({})],
  ["through PgBouncer in transaction mode", async () => ({ url: await serviceUrl("pgbouncer") })],
  ["with a pool that was handed in", async () => ({ pool: await testPool(), listen: "off" })],
];

describe.for(WAYS)("the ledger, %s", ([, options]) => {
  test("commits of several processes on the same keys in any order lose no change", async () => {
    const schema = freshSchema();
    const backends = await Promise.all([1, 2, 3, 4].map(async () => open({ schema, ...(await options()) })));
    const keys = Array.from({ length: 8 }, (_, index) => `race/${index}`);
    const rounds = 8;
    await Promise.all(
      backends.map(async ({ ledger }, at) => {
        for (let round = 0; round < rounds; round += 1) {
          const turned = [...keys.slice((at * 3 + round) % 8), ...keys.slice(0, (at * 3 + round) % 8)];
          await addOne(ledger, at % 2 === 0 ? turned : turned.toReversed());
        }
      }),
    );
    const records = await backends[0]?.ledger.list({ prefix: "race/", limit: 10 });
    expect(records?.map(({ value }) => value)).toEqual(keys.map(() => String(4 * rounds)));
  });

  test("of many commits that expect no record, one is made", async () => {
    const schema = freshSchema();
    const backends = await Promise.all([1, 2, 3].map(async () => open({ schema, ...(await options()) })));
    for (let round = 0; round < 5; round += 1) {
      const commits = await Promise.all(
        backends.flatMap(({ ledger }) =>
          ["a", "b", "c"].map((value) =>
            ledger.commit([put("other/x", value), put(`one/${round}`, value, { ifVersion: "absent" })]),
          ),
        ),
      );
      expect(commits.filter(({ ok }) => ok)).toHaveLength(1);
      expect(commits.find(({ ok }) => !ok)).toEqual({ ok: false, conflicts: [`one/${round}`] });
    }
  });
});

test("commits lock their keys in one order, so that none meets a deadlock", async () => {
  const schema = freshSchema();
  await open({ schema });
  const keys = Array.from({ length: 40 }, (_, index) => `race/${index}`);
  const commit = `SELECT * FROM "${schema}".ledger_commit($1, array_fill(-1::bigint, '{40}'), $1, array_fill(NULL::float8, '{40}'),
    array_fill(NULL::float8, '{40}'))`;
  const orders = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? keys : keys.toReversed()));
  // Not by the backend, which repeats a statement after a deadlock.
  expect(await Promise.all(orders.map(async (order) => (await sql(commit, [order])).length))).toEqual(
    orders.map(() => 40),
  );
});

test("a version never comes back, not even for a record that was deleted or has expired", async () => {
  const { ledger } = await open({ schema: freshSchema() });
  const versions = new Set<number>();
  for (let round = 0; round < 10; round += 1) {
    const written = await ledger.commit([put("a/b", "v", round % 2 === 0 ? { expiresInMs: 1 } : {})]);
    if (written.ok) for (const version of written.versions) versions.add(version);
    if (round % 2 === 1) await ledger.commit([put("a/b", "", { value: null })]);
  }
  expect(versions.size).toBe(10);
});

test("a commit that is refused leaves no trace, also of the keys that it alone named", async () => {
  const schema = freshSchema();
  const { ledger } = await open({ schema });
  await ledger.commit([put("a", "1")]);
  const refused = await ledger.commit([put("a", "2", { ifVersion: "absent" }), put("b", "2"), put("c", "2")]);
  expect(refused).toEqual({ ok: false, conflicts: ["a"] });
  expect(await sql(`SELECT key, value FROM "${schema}".ledger`)).toEqual([{ key: "a", value: "1" }]);
});

test("records under a prefix of several parts and under a part of one fall due alike", async () => {
  const { ledger } = await open({ schema: freshSchema() });
  await ledger.commit([
    put("at/b/2", "v", { dueInMs: 1 }),
    put("at/b/1", "v", { dueInMs: 0 }),
    put("az/1", "v", { dueInMs: 0 }),
  ]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const due = async (prefix: string): Promise<string[]> =>
    (await ledger.due({ prefix, limit: 9 })).map(({ key }) => key);
  expect(await due("at/b/")).toEqual(["at/b/1", "at/b/2"]);
  expect(await due("at")).toEqual(["at/b/1", "at/b/2"]);
  expect(new Set(await due("a"))).toEqual(new Set(["at/b/1", "at/b/2", "az/1"]));
  expect(await due("at/c/")).toEqual([]);
});

test("a worker that waits removes expired records", async () => {
  const schema = freshSchema();
  const first = await open({ schema });
  await first.ledger.commit([...Array(700).keys()].map((count) => put(`old/${count}`, "v", { expiresInMs: 1 })));
  await first.ledger.commit([put("new/1", "v", { expiresInMs: 600_000 }), put("new/2", "v")]);
  const random = Math.random;
  Math.random = () => 0;
  const eager = await open({ schema }).finally(() => (Math.random = random));
  await lease(eager, { queue: "none", waitMs: 100 });
  expect(await sql(`SELECT key FROM "${schema}".ledger ORDER BY key`)).toEqual([{ key: "new/1" }, { key: "new/2" }]);
});
