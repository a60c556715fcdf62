import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeCertificates, startPostgres, type Certificates, type TestServer } from "@waybill/test-servers";
import { connect } from "@waybill/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromUrl, type PostgresBackend } from "../../src/index.ts";
import { settingsOf } from "../../src/options/settings.ts";
import { optionsFromUrl } from "../../src/options/url.ts";
import { context } from "../database.ts";

const settings = (url: string) => settingsOf(optionsFromUrl(url));

describe("a URL of another tool is accepted, and the driver gets what it understands", () => {
  test.each<[whose: string, url: string, driver: string]>([
    [
      "Neon",
      "postgres://u:p@ep-x.neon.tech/db?sslmode=require&channel_binding=require",
      "postgres://u:p@ep-x.neon.tech/db?sslmode=verify-full&channel_binding=require",
    ],
    ["Prisma", "postgresql://u:p@h:5432/db?schema=public", "postgresql://u:p@h:5432/db"],
    [
      "Prisma behind PgBouncer",
      "postgres://u:p@h/db?pgbouncer=true&connection_limit=5&pool_timeout=10&statement_cache_size=0",
      "postgres://u:p@h/db",
    ],
    [
      "Prisma with any certificate",
      "postgres://u:p@h/db?sslmode=require&sslaccept=accept_invalid_certs",
      "postgres://u:p@h/db?sslmode=no-verify",
    ],
    [
      "Supabase's pooler",
      "postgres://postgres.ref:p@aws-0-eu-west-1.pooler.supabase.com:6543/postgres?pgbouncer=true",
      "postgres://postgres.ref:p@aws-0-eu-west-1.pooler.supabase.com:6543/postgres",
    ],
    [
      "Supabase by Vercel",
      "postgres://u:p@h/db?sslmode=require&supa=base-pooler.x",
      "postgres://u:p@h/db?sslmode=verify-full",
    ],
    [
      "Cloud SQL",
      "postgres://u:p@/db?host=/cloudsql/project:eu:db",
      "postgres://u:p@localhost/db?host=%2Fcloudsql%2Fproject%3Aeu%3Adb",
    ],
    [
      "Cloud SQL by Prisma",
      "postgresql://u:p@localhost/db?host=/cloudsql/project:eu:db",
      "postgresql://u:p@localhost/db?host=%2Fcloudsql%2Fproject%3Aeu%3Adb",
    ],
    [
      "a socket without a user",
      "postgres:///db?host=/var/run/postgresql",
      "postgres:///db?host=%2Fvar%2Frun%2Fpostgresql",
    ],
    [
      "Heroku",
      "postgres://u:p@ec2-1.compute.amazonaws.com:5432/d1?ssl=true",
      "postgres://u:p@ec2-1.compute.amazonaws.com:5432/d1?ssl=true",
    ],
    [
      "libpq",
      "postgres://u:p@h/db?connect_timeout=10&keepalives_idle=30&target_session_attrs=read-write&application_name=shop",
      "postgres://u:p@h/db?application_name=shop",
    ],
    [
      "libpq, the authorities of the system",
      "postgres://u:p@h/db?sslmode=verify-full&sslrootcert=system",
      "postgres://u:p@h/db?sslmode=verify-full",
    ],
    [
      "an endpoint of Neon by options",
      "postgres://u:p@h/db?options=endpoint%3Dep-x",
      "postgres://u:p@h/db?options=endpoint%3Dep-x",
    ],
  ])("of %s: %s", (_, url, driver) => {
    expect(settings(url)).toMatchObject({ url: driver, schema: "waybill" });
  });

  test("Prisma's connection_limit is the number of connections, unless connections is given", () => {
    expect(settings("postgres://h/db?connection_limit=5").connections).toBe(5);
    expect(settings("postgres://h/db?connection_limit=1&connections=3").connections).toBe(3);
  });

  test("a schema in Prisma's URL that is not public is the schema of the tables", () => {
    expect(settings("postgres://h/db?schema=shop").schema).toBe("shop");
  });

  test("the URL to listen at is read in the same way", () => {
    expect(settings("postgres://h/db?listen=postgres%3A%2F%2Fh%2Fdb%3Fpgbouncer%3Dtrue").listenUrl).toBe(
      "postgres://h/db",
    );
  });
});

describe("a value that cannot be used is refused with the parameter, its value and what to write", () => {
  test.each<[url: string, says: RegExp]>([
    [
      "postgres://h/db?sslmode=allow",
      /the postgres URL: sslmode is "allow"; write disable, require, verify-ca, verify-full or no-verify/,
    ],
    ["postgres://h/db?ssl=yes", /the postgres URL: ssl is "yes"; write true, false or no-verify/],
    [
      "postgres://h/db?channel_binding=always",
      /the postgres URL: channel_binding is "always"; write disable, prefer or require/,
    ],
    ["postgres://h/db?password=hunter2&more", /password as a parameter; write it before the host/],
    [
      "postgres://h/db?target_session_attrs=standby",
      /the postgres URL: target_session_attrs is "standby"; write read-write: jobs are written/,
    ],
    ["postgres://h/db?client_encoding=latin1", /the postgres URL: client_encoding is "latin1"; write UTF8/],
    ["postgres://h/db?gssencmode=require", /the postgres URL: gssencmode is "require"; write disable/],
    [
      "postgres://h/db?connection_limit=1",
      /connection_limit is 1; waybill needs 2, one of which listens: add connections=2/,
    ],
    ["postgres://h/db?connection_limit=many", /the postgres URL: connection_limit is "many"; write a whole number/],
    [
      "postgres://h/db?sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
      /sslrootcert is "\/nowhere\/ca\.pem" \(ENOENT.*\); name a PEM file/,
    ],
    ["postgres://h/db?listen=postgres%3A%2F%2Fh%2Fdb%3Fsslmode%3Dallow", /postgres: listen: sslmode is "allow"/],
    ["postgres://u:p@/db", /not a postgres URL; write it as postgres:\/\/user:password@host/],
  ])("%s", (url, says) => {
    expect(() => fromUrl(url)).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(says) }),
    );
  });
});

describe("on a server with a certificate of its own and a socket", () => {
  let certificates: Certificates;
  let server: TestServer;
  let socket = "";

  beforeAll(async () => {
    certificates = makeCertificates("postgres");
    const socketFolder = dirname(certificates.key);
    const { cert, key } = certificates;
    const hba = join(socketFolder, "hba.conf");
    // Unencrypted by TCP for the tests' own look at whether it is ready, which asks for the database "postgres".
    writeFileSync(
      hba,
      "local all all scram-sha-256\nhost postgres all all scram-sha-256\nhostssl all all all scram-sha-256\n",
      { mode: 0o644 },
    );
    const tls = { ssl: "on", ssl_cert_file: cert, ssl_key_file: key };
    server = await startPostgres({ settings: { ...tls, hba_file: hba, unix_socket_directories: socketFolder } });
    socket = socketFolder;
  });
  afterAll(async () => {
    await server.stop();
    certificates.remove();
  });

  const at = (host: string, parameters: string): string => server.url.replace("127.0.0.1", host) + parameters;

  async function encrypted(url: string): Promise<boolean> {
    const jobs = await connect(url, { log: "off" });
    await jobs.enqueue("url.seen", {});
    await jobs.close();
    return true;
  }

  test.each([
    ["localhost", "?sslmode=no-verify"],
    ["localhost", "?sslmode=require&sslaccept=accept_invalid_certs"],
    ["localhost", "?sslmode=require&uselibpqcompat=true"],
    ["localhost", "?sslmode=verify-full&sslrootcert=CA"],
    ["localhost", "?sslmode=require&sslrootcert=CA&channel_binding=require"],
    ["127.0.0.1", "?sslmode=require&sslrootcert=CA"],
    ["127.0.0.1", "?sslmode=verify-ca&sslrootcert=CA"],
  ])("%s with %s connects", async (host, parameters) => {
    expect(await encrypted(at(host, parameters.replace("CA", certificates.ca)))).toBe(true);
  });

  test.each<[host: string, parameters: string, says: RegExp]>([
    [
      "localhost",
      "?sslmode=require",
      /certificate of the server cannot be verified \(.+\); name its authority: sslrootcert=.*sslmode=no-verify/,
    ],
    ["localhost", "?ssl=true", /certificate of the server cannot be verified/],
    [
      "127.0.0.1",
      "?sslmode=verify-full&sslrootcert=CA",
      /is for DNS:localhost, not for 127\.0\.0\.1; write a host that it names, or accept any host/,
    ],
    ["localhost", "", /refuses this user without TLS; add sslmode=require, or sslmode=no-verify/],
  ])("%s with %s is refused with what to write", async (host, parameters, says) => {
    const refusal = fromUrl(at(host, parameters.replace("CA", certificates.ca)))(context);
    await expect(refusal).rejects.toMatchObject({ code: "CONFIG_INVALID", message: expect.stringMatching(says) });
  });

  test.each(["postgres://waybill:waybill@/waybill", "postgres://waybill:waybill@localhost/waybill"])(
    "%s reaches it by its socket",
    async (url) => {
      const port = new URL(server.url).port;
      const byHost = `${url}?host=${socket}&port=${port}&schema=public`;
      const backend: PostgresBackend = await fromUrl(byHost)(context);
      expect(backend.address).toContain(socket);
      await backend.close();
    },
  );
});

test("a server without TLS is refused with what to write", async () => {
  const server = await startPostgres();
  try {
    const refusal = fromUrl(`${server.url}?sslmode=prefer`)(context);
    await expect(refusal).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(/speaks no TLS, which the URL asks for; write sslmode=disable/),
    });
  } finally {
    await server.stop();
  }
});
