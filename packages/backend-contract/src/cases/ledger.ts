import assert from "node:assert/strict";
import type { LedgerChange } from "@waybill/core/backend";
import type { Bench, ContractCase } from "../contract-case.ts";
import { rejectsWith } from "../expect.ts";
import { allOf, hasLedger, shareable } from "./applies-to.ts";
import { conflictsOf, ledger, ledgerRule as rule, put, recordOf, valueIn, versionIn } from "./ledger-calls.ts";
import { ledgerTimeCases } from "./ledger-time.ts";
import { ledgerWatchCases } from "./ledger-watch.ts";
import { ledgerRangeCases } from "./ledger-range.ts";

const records: readonly ContractCase[] = [
  rule("records are read in the order of the keys, null for one that is absent", async (bench) => {
    await put(bench, "c/1", "one");
    await put(bench, "c/2", "two");
    const read = await ledger(bench).read(["c/2", "c/3", "c/1", "c/2"]);
    assert.deepEqual(
      read.map((record) => record && [record.key, record.value]),
      [["c/2", "two"], null, ["c/1", "one"], ["c/2", "two"]],
    );
  }),
  rule("a value is kept byte for byte, up to 65,536 bytes", async (bench) => {
    const values = [
      "",
      " \r\n\t",
      '{"a":1.0, "b":"\\u0000"}',
      "żółw 🐢 \u2028 e\u0301 \u00E9 \uFFFD",
      "é".repeat(32_768),
    ];
    for (const [at, value] of values.entries()) await put(bench, `c/${at}`, value);
    for (const [at, value] of values.entries()) assert.equal(await valueIn(bench, `c/${at}`), value);
  }),
  rule("a key has up to 512 characters, and each of them counts", async (bench) => {
    const stem = "k".repeat(511);
    await put(bench, `${stem}1`, "one");
    await put(bench, `${stem}2`, "two");
    assert.deepEqual([await valueIn(bench, `${stem}1`), await valueIn(bench, `${stem}2`)], ["one", "two"]);
  }),
  rule("a deleted record is neither read nor listed", async (bench) => {
    await put(bench, "c/1", "one");
    await put(bench, "c/2", "two");
    await ledger(bench).commit([{ key: "c/1", ifVersion: "any", value: null }]);
    assert.equal(await recordOf(bench, "c/1"), null);
    const listed = await ledger(bench).list({ prefix: "c/", limit: 10 });
    assert.deepEqual(
      listed.map(({ key }) => key),
      ["c/2"],
    );
  }),
  rule("a record that is not there may be deleted, and the version of that is 0", async (bench) => {
    const change: LedgerChange = { key: "c/1", ifVersion: "any", value: null };
    assert.deepEqual(await ledger(bench).commit([change]), { ok: true, versions: [0] });
  }),
];

const versions: readonly ContractCase[] = [
  rule("a commit returns the version of each change, as reads show it", async (bench) => {
    const keys = ["c/2", "c/1", "c/3"];
    const commit = await ledger(bench).commit(keys.map((key) => ({ key, ifVersion: "absent", value: key })));
    const shown = await Promise.all(keys.map((key) => versionIn(bench, key)));
    assert.deepEqual(commit, { ok: true, versions: shown });
    assert.ok(
      shown.every((version) => Number.isSafeInteger(version) && version >= 1),
      `a version is a whole number from 1, not one of ${shown.join(", ")}`,
    );
  }),
  rule("each write makes another version, also one of the same value", async (bench) => {
    await put(bench, "c/1", "same");
    const first = await versionIn(bench, "c/1");
    await ledger(bench).commit([{ key: "c/1", ifVersion: "any", value: "same" }]);
    assert.notEqual(await versionIn(bench, "c/1"), first);
  }),
  rule("a change is made on the version that it names, and on no other", async (bench) => {
    await put(bench, "c/1", "first");
    const first = await versionIn(bench, "c/1");
    assert.deepEqual(await conflictsOf(bench, { key: "c/1", ifVersion: first, value: "second" }), []);
    const second = await versionIn(bench, "c/1");
    for (const ifVersion of [first, second + 1]) {
      assert.deepEqual(await conflictsOf(bench, { key: "c/1", ifVersion, value: "third" }), ["c/1"]);
    }
    assert.equal(await valueIn(bench, "c/1"), "second");
  }),
  rule("a change that names a version is refused where there is no record", async (bench) => {
    assert.deepEqual(await conflictsOf(bench, { key: "c/1", ifVersion: 1, value: "first" }), ["c/1"]);
    assert.equal(await recordOf(bench, "c/1"), null);
  }),
  rule('a change that asks for "absent" is refused where there is a record', async (bench) => {
    await put(bench, "c/1", "first");
    assert.deepEqual(await conflictsOf(bench, { key: "c/1", ifVersion: "absent", value: "second" }), ["c/1"]);
    assert.equal(await valueIn(bench, "c/1"), "first");
  }),
  rule('a change that asks for "any" is made with and without a record', async (bench) => {
    for (const value of ["first", "second"]) {
      assert.deepEqual(await conflictsOf(bench, { key: "c/1", ifVersion: "any", value }), []);
      assert.equal(await valueIn(bench, "c/1"), value);
    }
  }),
  rule("a record that was deleted and written again has a version that it never had", async (bench) => {
    const seen: number[] = [];
    for (const value of ["first", "second", "third"]) {
      await put(bench, "c/1", value);
      seen.push(await versionIn(bench, "c/1"));
      await ledger(bench).commit([{ key: "c/1", ifVersion: "any", value: null }]);
    }
    assert.equal(new Set(seen).size, 3, `versions came back: ${seen.join(", ")}`);
  }),
];

const commits: readonly ContractCase[] = [
  rule("a commit with one conflict changes nothing", async (bench) => {
    await put(bench, "c/2", "two");
    await put(bench, "c/3", "three");
    const changes: readonly LedgerChange[] = [
      { key: "c/1", ifVersion: "absent", value: "new" },
      { key: "c/2", ifVersion: await versionIn(bench, "c/2"), value: "new" },
      { key: "c/3", ifVersion: (await versionIn(bench, "c/3")) + 1, value: "new" },
      { key: "c/4", ifVersion: "absent", value: "new" },
    ];
    assert.deepEqual(await ledger(bench).commit(changes), { ok: false, conflicts: ["c/3"] });
    const left = await Promise.all(["c/1", "c/2", "c/3", "c/4"].map((key) => valueIn(bench, key)));
    assert.deepEqual(left, [null, "two", "three", null]);
  }),
  rule("a conflict names every key with another version, in the order of the changes", async (bench) => {
    for (const key of ["c/1", "c/3"]) await put(bench, key, "");
    const changes = ["c/3", "c/2", "c/1"].map((key) => ({ key, ifVersion: "absent" as const, value: "new" }));
    assert.deepEqual(await ledger(bench).commit(changes), { ok: false, conflicts: ["c/3", "c/1"] });
  }),
  rule("one commit makes 1,000 changes", async (bench) => {
    const keys = Array.from({ length: 1_000 }, (_, at) => `c/${at}`);
    const commit = await ledger(bench).commit(keys.map((key) => ({ key, ifVersion: "absent", value: key })));
    assert.equal(commit.ok && commit.versions.length, 1_000);
    for (const key of ["c/0", "c/500", "c/999"]) assert.equal(await valueIn(bench, key), key);
  }),
  rule("a commit that no ledger can make is refused, and changes nothing", async (bench) => {
    const first: LedgerChange = { key: "c/1", ifVersion: "any", value: "1" };
    const wrong: readonly Partial<LedgerChange>[] = [
      {},
      { key: "" },
      { key: "c/ " },
      { key: "c/é" },
      { key: `c/${"k".repeat(511)}` },
      { key: "c/2", value: "x".repeat(65_537) },
      { key: "c/2", ifVersion: 0 },
      { key: "c/2", dueInMs: -1 },
      { key: "c/2", expiresInMs: 0 },
    ];
    for (const more of wrong) {
      await rejectsWith("CONFIG_INVALID", ledger(bench).commit([first, { ...first, ...more }]));
    }
    const many = Array.from({ length: 1_001 }, (_, at): LedgerChange => ({ ...first, key: `c/${at}` }));
    await rejectsWith("CONFIG_INVALID", ledger(bench).commit(many));
    await rejectsWith("CONFIG_INVALID", ledger(bench).read(many.map(({ key }) => key)));
    await rejectsWith("CONFIG_INVALID", ledger(bench).list({ prefix: "c/", limit: 0 }));
    await rejectsWith("CONFIG_INVALID", ledger(bench).due({ prefix: "c/", limit: 1_001 }));
    assert.equal(await recordOf(bench, "c/1"), null);
  }),
];

const connections: readonly ContractCase[] = [
  {
    subject: "ledger",
    name: "every connection reads and lists the records of all",
    appliesTo: allOf(hasLedger, shareable),
    async run(bench) {
      await put(bench, "c/1", "one");
      const other = { backend: await bench.second() };
      assert.equal(await valueIn(other, "c/1"), "one");
      const listed = await ledger(other).list({ prefix: "c/", limit: 10 });
      assert.deepEqual(
        listed.map(({ key }) => key),
        ["c/1"],
      );
    },
  },
  {
    subject: "ledger",
    name: "two connections that race 100 commits on one key lose none",
    appliesTo: allOf(hasLedger, shareable),
    async run(bench) {
      await put(bench, "c/1", "0");
      const both = [bench, { backend: await bench.second() }];
      await Promise.all(both.map((one) => addTimes(one, 50)));
      assert.equal(await valueIn(bench, "c/1"), "100");
    },
  },
  rule("the ledger of a closed connection rejects BACKEND_CLOSED", async (bench) => {
    await bench.backend.close();
    await rejectsWith("BACKEND_CLOSED", ledger(bench).read(["c/1"]));
    await rejectsWith("BACKEND_CLOSED", ledger(bench).commit([{ key: "c/1", ifVersion: "any", value: "" }]));
    await rejectsWith("BACKEND_CLOSED", ledger(bench).list({ prefix: "c/", limit: 1 }));
    await rejectsWith("BACKEND_CLOSED", ledger(bench).due({ prefix: "c/", limit: 1 }));
  }),
];

/** Adds 1 to the number in `c/1`, that many times, each on the version that it has read. */
async function addTimes(bench: Pick<Bench, "backend">, times: number): Promise<void> {
  for (let added = 0; added < times;) {
    const record = await recordOf(bench, "c/1");
    assert.ok(record);
    const change = { key: "c/1", ifVersion: record.version, value: String(Number(record.value) + 1) };
    if ((await ledger(bench).commit([change])).ok) added += 1;
  }
}

export const ledgerCases: readonly ContractCase[] = [
  ...records,
  ...versions,
  ...commits,
  ...ledgerRangeCases,
  ...ledgerTimeCases,
  ...connections,
  ...ledgerWatchCases,
];
