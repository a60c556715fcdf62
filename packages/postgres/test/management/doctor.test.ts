import { connect, type Finding } from "@waybill/core";
import { serviceUrl, startPostgres } from "@waybill/test-servers";
import { Client } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { vacuumFindings } from "../../src/management/vacuum-checks.ts";

interface Examined {
  readonly product: string | undefined;
  readonly version: string | undefined;
  readonly findings: Readonly<Record<string, Finding>>;
  readonly settings: Readonly<Record<string, { readonly value: unknown; readonly given: boolean }>>;
}

async function examine(url: string, more: string): Promise<Examined> {
  const jobs = await connect(`${url}?schema=doctor${more}`, { log: "off" });
  try {
    const findings = (await jobs.doctor?.checks()) ?? [];
    return {
      product: jobs.doctor?.server?.product,
      version: jobs.doctor?.server?.version,
      findings: Object.fromEntries(findings.map((finding) => [finding.check, finding])),
      settings: Object.fromEntries((jobs.doctor?.settings ?? []).map(({ name, ...rest }) => [name, rest])),
    };
  } finally {
    await jobs.close();
  }
}

describe("the doctor", () => {
  test("reports the server's version, the settings, and that stored jobs are durable", async () => {
    const { product, version, findings, settings } = await examine(await serviceUrl("postgres"), "&connections=3");
    expect([product, version]).toEqual(["postgres", expect.stringMatching(/^\d+\.\d+/)]);
    expect(settings["connections"]).toEqual({ value: 3, given: true });
    expect(settings["pollMs"]).toEqual({ value: 50, given: false });
    expect(findings["postgres.fsync"]).toMatchObject({ severity: "ok", message: "fsync is on" });
    expect(findings["postgres.listen"]).toMatchObject({ severity: "ok", message: "notifications arrive" });
  }, 60_000);

  test("reports a user whose commits are not synced, and that notifications do not pass a pooler", async () => {
    const { findings } = await examine(await serviceUrl("pgbouncer"), "");
    expect(findings["postgres.listen"]).toMatchObject({
      severity: "note",
      remedy: expect.stringContaining("?listen="),
    });
    const url = await serviceUrl("postgres");
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query("CREATE ROLE hasty LOGIN SUPERUSER PASSWORD 'hasty'");
    await client.query("ALTER ROLE hasty SET synchronous_commit = off");
    const hasty = url.replace(/\/\/[^@]*@/, "//hasty:hasty@");
    expect((await examine(hasty, "")).findings["postgres.synchronous_commit"]).toMatchObject({ severity: "failure" });
    await client.query("DROP ROLE hasty");
    await client.end();
  }, 60_000);
});

describe("what keeps dead rows, or loses jobs at a failover", () => {
  test("is named with what holds them, and is ok on a new server", async () => {
    const server = await startPostgres({ settings: { full_page_writes: "off", max_prepared_transactions: "2" } });
    onTestFinished(() => server.stop());
    const clients = [new Client(server.url), new Client(server.url)] as const;
    for (const one of clients) {
      await one.connect();
      onTestFinished(() => one.end());
    }
    const [admin, other] = clients;
    const { findings } = await examine(server.url, "");
    for (const name of ["autovacuum", "dead_rows", "xmin", "slots", "replication", "clock"])
      expect(findings[`postgres.${name}`]).toMatchObject({ severity: "ok", remedy: null });
    expect(findings["postgres.full_page_writes"]).toMatchObject({ severity: "warning" });

    await admin.query("ALTER TABLE doctor.jobs SET (autovacuum_enabled = false)");
    await admin.query("SELECT pg_create_physical_replication_slot('left_behind', true)");
    await admin.query(`INSERT INTO doctor.slots SELECT n::text, 'x' FROM generate_series(1, 60000) n`);
    await admin.query("ALTER TABLE doctor.slots SET (autovacuum_enabled = false)");
    await admin.query("DELETE FROM doctor.slots");
    await other.query("SET application_name = 'a report'");
    await other.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await other.query("SELECT 1 FROM doctor.jobs");

    const query = async (text: string, values: readonly unknown[] = []) => (await admin.query(text, [...values])).rows;
    const found = async (longMs?: number) =>
      Object.fromEntries((await vacuumFindings(query, "doctor", longMs)).map((one) => [one.check, one]));
    await expect
      .poll(async () => (await found())["postgres.dead_rows"], { timeout: 20_000 })
      .toMatchObject({ severity: "warning", message: expect.stringContaining('"slots" has about 60000 dead rows') });
    const bad = await found(0);
    expect(bad["postgres.autovacuum"]).toMatchObject({ message: expect.stringContaining("off for jobs, slots") });
    expect(bad["postgres.slots"]).toMatchObject({
      severity: "warning",
      message: expect.stringContaining("left_behind"),
    });
    expect(bad["postgres.xmin"]).toMatchObject({
      severity: "warning",
      message: expect.stringMatching(/^process \d+ \(a report\) has had a transaction open/),
      remedy: expect.stringContaining("pg_terminate_backend("),
    });
    expect((await found())["postgres.xmin"]).toMatchObject({ severity: "ok" });
    await other.query("ROLLBACK");

    await other.query("BEGIN");
    await other.query("SELECT txid_current()");
    await other.query("PREPARE TRANSACTION 'forgotten'");
    expect((await found(0))["postgres.xmin"]).toMatchObject({
      message: expect.stringContaining('the prepared transaction "forgotten"'),
    });
    await admin.query("ROLLBACK PREPARED 'forgotten'");
  }, 120_000);

  test("commits that wait for a standby which is away are a failure", async () => {
    const server = await startPostgres();
    onTestFinished(() => server.stop());
    await examine(server.url, "");
    const admin = new Client(server.url);
    await admin.connect();
    onTestFinished(() => admin.end());
    await admin.query("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    await admin.query("SELECT pg_reload_conf()");
    await expect
      .poll(async () => (await examine(server.url, "&migrate=off")).findings["postgres.replication"], {
        timeout: 20_000,
      })
      .toMatchObject({ severity: "failure", message: expect.stringContaining("every commit waits") });
  }, 120_000);
});
