import { readFileSync } from "node:fs";
import { serviceUrl } from "@waybill/test-servers";
import { connect, migrate as migrateByUrl } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { fromUrl, migrate, postgresBackend, schemaVersion } from "../src/index.ts";
import { context, freshSchema, freshUrl, lease, message, open, sql, testPool } from "./database.ts";

const refused = (says: RegExp) => ({ code: "CONFIG_INVALID", message: expect.stringMatching(says) });

/** A new user without any grant. */
async function freshUser(): Promise<{ name: string; url: (schema: string, more?: string) => Promise<string> }> {
  const name = freshSchema();
  await sql(`CREATE ROLE "${name}" LOGIN PASSWORD 'secret'`);
  return {
    name,
    async url(schema, more = "") {
      const url = new URL(await serviceUrl("postgres"));
      url.username = name;
      url.password = "secret";
      return `${url.href}?schema=${schema}${more}`;
    },
  };
}

describe("a URL without a meaning is refused at once", () => {
  test.for([
    ["postgres://127.0.0.1", /names no database/],
    ["postgres://127.0.0.1/", /names no database/],
    ["postgres://127.0.0.1/a/b", /names no database/],
    ["postgres:waybill", /not a postgres URL/],
    ["postgres://a,b/db", /several hosts/],
    ["postgres://h/db#jobs", /fragment/],
    ["postgres://h/db?prefix=x", /unknown parameter "prefix"; known are: schema/],
    ["postgres://h/db?schema=a&schema=b", /"schema" twice/],
    ["postgres://h/db?schema=My-Jobs", /lower-case letters/],
    [
      "postgres://h/db?connections=1",
      /connections is 1: a whole number from 2, or Infinity: one listens, the others work/,
    ],
    ["postgres://h/db?pollMs=soon", /pollMs is "soon"; write a whole number/],
    ["postgres://h/db?migrate=maybe", /"on" or "off"/],
    ["postgres://h/db?listen=redis://h", /listen is not a postgres URL/],
  ] as const)("%s", ([url, says]) => {
    expect(() => fromUrl(url)).toThrow(expect.objectContaining(refused(says)));
  });
});

describe("a server that cannot be used is refused when it is opened, with what to do and without the password", () => {
  test("a wrong password", async () => {
    const url = (await freshUrl()).replace(/:[^:@/]+@/, ":wrong-secret@");
    const refusal = fromUrl(url)(context);
    await expect(refusal).rejects.toMatchObject(refused(/password was refused; correct it in the URL/));
    await expect(refusal).rejects.not.toThrow(/wrong-secret/);
  });

  test("a database that does not exist", async () => {
    const url = (await freshUrl()).replace(/\/[a-z]+\?/, "/nowhere?");
    await expect(fromUrl(url)(context)).rejects.toMatchObject(refused(/database does not exist/));
  });

  test("a server that does not run", async () => {
    const refusal = fromUrl("postgres://u:p@127.0.0.1:1/db")(context);
    await expect(refusal).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", message: /127\.0\.0\.1:1/ });
  });

  test("another application's schema, which is left unchanged", async () => {
    const schema = freshSchema();
    await sql(`CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}".orders (id text)`);
    await expect(open({ schema })).rejects.toMatchObject(refused(/another application's tables; name another/));
    expect(
      await sql("SELECT table_name FROM information_schema.tables WHERE table_schema = $1", [schema]),
    ).toHaveLength(1);
  });

  test("a newer schema, by both version numbers", async () => {
    const schema = freshSchema();
    await migrate(await freshUrl(schema));
    await sql(`INSERT INTO "${schema}".schema_version VALUES (99, now())`);
    const says = new RegExp(`version 99.*up to ${schemaVersion}; update the package`);
    await expect(open({ schema })).rejects.toMatchObject(refused(says));
  });

  test("a schema that was never migrated, with migrate=off", async () => {
    await expect(open({ schema: freshSchema(), migrate: false })).rejects.toMatchObject(refused(/migrate it first/));
  });

  test("a user who may not create tables, with who has to migrate", async () => {
    const user = await freshUser();
    const opening = fromUrl(await user.url(freshSchema()))(context);
    await expect(opening).rejects.toMatchObject(refused(/may not create.*waybill migrate URL/));
  });

  /** The rights that packages/postgres/README.md prints. */
  const rights =
    /```sql\n(GRANT[\s\S]*?)```/.exec(readFileSync(new URL("../README.md", import.meta.url), "utf8"))?.[1] ?? "";

  test("a user who may use the schema but not its tables, with the missing grants, at the first use; those of the README are enough", async () => {
    const user = await freshUser();
    const schema = freshSchema();
    await migrate(await freshUrl(schema));
    await sql(
      `GRANT USAGE ON SCHEMA "${schema}" TO "${user.name}"; GRANT SELECT ON "${schema}".schema_version TO "${user.name}"`,
    );
    const backend = await fromUrl(await user.url(schema))(context);
    const refusal = backend.enqueue([message()]);
    await expect(refusal).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", message: /grant it usage/ });
    await backend.close();
    await sql(rights.replaceAll("SCHEMA waybill", `SCHEMA "${schema}"`).replaceAll("TO app", `TO "${user.name}"`));
    const granted = await fromUrl(await user.url(schema))(context);
    expect(await granted.enqueue([message()])).toMatchObject([{ ok: true }]);
    expect(await granted.ack(await lease(granted))).toMatchObject([{ ok: true }]);
    await granted.close();
  });
});

describe("the schema", () => {
  test("is made once while many processes open it at the same time", async () => {
    const schema = freshSchema();
    const backends = await Promise.all(Array.from({ length: 6 }, () => open({ schema })));
    expect(await sql(`SELECT version FROM "${schema}".schema_version`)).toEqual([{ version: schemaVersion }]);
    expect(await backends[0]?.enqueue([message()])).toMatchObject([{ ok: true }]);
    expect(await lease(backends[5] ?? (await open({ schema })))).toHaveLength(1);
  });

  test("is migrated by URL, and a second migration changes nothing", async () => {
    const url = await freshUrl();
    expect(await migrateByUrl(url)).toEqual({ from: 0, to: schemaVersion });
    expect(await migrateByUrl(url)).toEqual({ from: schemaVersion, to: schemaVersion });
  });

  test("may be an empty schema that an administrator made", async () => {
    const user = await freshUser();
    await sql(`CREATE SCHEMA "${user.name}" AUTHORIZATION "${user.name}"`);
    const jobs = await connect(await user.url(user.name), { log: "off" });
    expect(jobs.backend.address).toMatch(new RegExp(`^postgres://127\\.0\\.0\\.1:\\d+/waybill\\?schema=${user.name}$`));
    await jobs.close();
  });
});

test("a pool that is handed in is used and stays open", async () => {
  const pool = await testPool();
  const backend = await open({ schema: freshSchema(), pool });
  await backend.enqueue([message()]);
  await backend.close();
  expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
});

test("where notifications must arrive and do not, the backend does not open", async () => {
  const listen = await serviceUrl("pgbouncer");
  const opening = postgresBackend({ url: await serviceUrl("postgres"), schema: freshSchema(), listen })(context);
  await expect(opening).rejects.toMatchObject(refused(/do not arrive at the "listen" URL/));
});

test("finished jobs are remembered up to maxCount, and not at all for 0", async () => {
  const schema = freshSchema();
  const none = await open({ schema, retainFinished: { maxCount: 0 } });
  await none.enqueue([message(), message()]);
  await none.ack(await lease(none));
  expect(await sql(`SELECT * FROM "${schema}".finished`)).toEqual([]);
  const some = await open({ schema });
  await some.enqueue([message(), message()]);
  await some.ack(await lease(some));
  expect(await some.inspector.counts()).toMatchObject([{ queue: "default", finished: 2 }]);
});
