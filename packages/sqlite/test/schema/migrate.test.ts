import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { migrate, schemaVersion } from "../../src/index.ts";
import { applicationId, schemaSteps } from "../../src/schema/steps.ts";
import { lease, open, temporaryFile } from "../temporary-file.ts";

const LONG_MS = 3_600_000;

/** A file of an older schema with a job in each state, as a package of that time left it. */
function fileOf(version: number): string {
  const path = temporaryFile();
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = WAL; ${schemaSteps.slice(0, version).join("")}`);
  db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${version}`);
  const insert = db.prepare(`INSERT INTO waybill_jobs (seq, id, queue, type, priority, enqueued_at, body)
    VALUES (?, ?, 'default', 'test.job', 0, 5, '{}')`);
  for (const [index, id] of ["ready", "delayed", "leased", "dead"].entries()) insert.run(index + 1, id);
  const at = Date.now();
  db.exec(`INSERT INTO waybill_ready VALUES ('default', 0, 1);
    INSERT INTO waybill_delayed VALUES (${at + LONG_MS}, 2, ${at});
    INSERT INTO waybill_leases VALUES (3, 7, ${at}, ${LONG_MS});
    INSERT INTO waybill_dead VALUES (1, 4, 'TEST', 'why', 1, 5, NULL)`);
  db.close();
  return path;
}

const older = Array.from({ length: schemaVersion - 1 }, (_, index) => index + 1);

test.for(older)(
  "a file of schema %d with jobs in every state is brought up to date, and its jobs run",
  async (version) => {
    const path = fileOf(version);
    expect(await migrate(`sqlite:${path}`)).toEqual({ from: version, to: schemaVersion });
    const backend = await open({ path });
    expect(await backend.inspector.counts()).toMatchObject([{ ready: 1, delayed: 1, leased: 1, dead: 1 }]);
    const [ready] = await lease(backend);
    expect(ready).toMatchObject({ id: "ready", attempt: 1 });
    const token = { seq: "3", number: 7 };
    expect(await backend.ack([ready!, { ...ready!, id: "leased", token }])).toMatchObject([{ ok: true }, { ok: true }]);
    expect(await backend.inspector.replay()).toBe(1);
    expect(await lease(backend)).toMatchObject([{ id: "dead" }]);
    expect(await backend.ledger.commit([{ key: "a", ifVersion: "absent", value: "x" }])).toMatchObject({ ok: true });
  },
);

test("a migration that is killed in the middle leaves the file as it was", async () => {
  const path = fileOf(2);
  const db = new DatabaseSync(path);
  db.exec(`BEGIN IMMEDIATE; ${schemaSteps.slice(2).join("")}`);
  // Closed without a commit, as a killed process leaves it.
  db.close();
  expect(await migrate(`sqlite:${path}`)).toEqual({ from: 2, to: schemaVersion });
});
