import { connect, type Finding } from "@waybill/core";
import { serviceUrl } from "@waybill/test-servers";
import { describe, expect, test } from "vitest";

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
    const { Client } = await import("pg");
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
