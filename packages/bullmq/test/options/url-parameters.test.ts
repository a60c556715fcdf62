import { type Certificates, makeCertificates, startRedis } from "@waybill/test-servers";
import { connect, defineJob } from "@waybill/core";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bullmqBackend, fromUrl } from "../../src/index.ts";
import { settingsOf } from "../../src/options/options.ts";
import { optionsFromUrl } from "../../src/options/url-parameters.ts";
import { context, freshPrefix } from "../redis.ts";

const server = (url: string) => settingsOf(optionsFromUrl(url)).server;
const refused = (says: RegExp) => ({ code: "CONFIG_INVALID", message: expect.stringMatching(says) });

describe("a URL of a host or another client is accepted", () => {
  test.each<[whose: string, url: string, where: object]>([
    ["Upstash", "rediss://default:pw@eu1-x.upstash.io:6379", { username: "default", password: "pw", tls: true }],
    ["Railway", "redis://default:pw@redis.railway.internal:6379?family=0", { family: 0, password: "pw" }],
    ["Fly", "redis://default:pw@h.internal:6379?family=6", { family: 6 }],
    ["Heroku, by redis-py", "rediss://:pw@ec2:6380?ssl_cert_reqs=none", { tlsOptions: { rejectUnauthorized: false } }],
    ["Celery", "rediss://:pw@h:6380/1?ssl_cert_reqs=CERT_NONE", { db: 1, tlsOptions: { rejectUnauthorized: false } }],
    ["redis-py, verified", "rediss://h?ssl_cert_reqs=required&protocol=3", { tls: true, tlsOptions: {} }],
    ["redis-py, with a database", "redis://h?db=4", { db: 4 }],
    ["redis-py, with a database and a slash", "redis://h/?db=4", { db: 4 }],
    ["ElastiCache", "rediss://master.x.cache.amazonaws.com:6379", { tls: true, username: null }],
  ])("of %s: %s", (_, url, where) => {
    expect(server(url)).toMatchObject(where);
  });
});

describe("what means nothing here is refused with the parameter, its value and what to write", () => {
  test.each<[url: string, says: RegExp]>([
    ["redis://h?keyPrefix=app", /has the parameter "keyPrefix": under it BullMQ's scripts mix up keys; write prefix=/],
    ["redis://h?password=hunter2", /"password": write it before the host: redis:\/\/user:password@host/],
    ["redis://h?tls=true", /"tls": for TLS begin the URL with "rediss:\/\/"/],
    ["redis://h?sentinels=a", /"sentinels": pass an ioredis client that knows the sentinels/],
    ["redis://h?family=5", /family is "5"; write one of 0, 4, 6/],
    ["redis://h?db=cache", /db is "cache"; write a database number/],
    ["redis://h/1?db=2", /names a database in its path and by db; keep one/],
    ["rediss://h?ssl_cert_reqs=optional", /ssl_cert_reqs is "optional"; write one of required, none/],
    ["redis://h?ssl_cert_reqs=none", /ssl_cert_reqs is "none", which is of TLS; begin the URL with "rediss:\/\/"/],
    [
      "rediss://h?ssl_ca_certs=/nowhere.pem",
      /ssl_ca_certs is "\/nowhere\.pem" \(ENOENT.*name a PEM file that can be read/,
    ],
    ["redis://hunter2@h", /has a user and no password; a password alone is written redis:\/\/:PASSWORD@host/],
  ])("%s", (url, says) => {
    expect(() => fromUrl(url)).toThrow(expect.objectContaining(refused(says)));
    expect(() => fromUrl(url)).not.toThrow(/hunter2/);
  });

  test("tls for a URL without it, and a family that is none", () => {
    expect(() => bullmqBackend({ url: "redis://h", tls: {} })).toThrow(/tls is set; begin the URL with "rediss:/);
    expect(() => bullmqBackend({ url: "redis://h", family: 5 as 4 })).toThrow(/family is 5: 0, 4 or 6/);
  });
});

describe("on a Redis with a certificate of its own", () => {
  let certificates: Certificates;
  let redis: Awaited<ReturnType<typeof startRedis>>;

  beforeAll(async () => {
    certificates = makeCertificates("redis");
    redis = await startRedis({ tls: certificates });
  });
  afterAll(async () => {
    await redis.stop();
    certificates.remove();
  });

  const at = (host: string, parameters: string): string =>
    `${redis.tlsUrl.replace("localhost", host)}/0${parameters.replace("CA", certificates.ca)}`;

  test.each([
    ["localhost", "?ssl_cert_reqs=none"],
    ["localhost", "?ssl_cert_reqs=none&family=4"],
    ["localhost", "?ssl_ca_certs=CA"],
    ["127.0.0.1", "?ssl_ca_certs=CA&ssl_check_hostname=false"],
  ])("%s with %s runs a job", async (host, parameters) => {
    const prefix = freshPrefix();
    const seen = defineJob({ type: "url.seen", handler: () => {} });
    const jobs = await connect(`${at(host, parameters)}&prefix=${prefix}`, { jobs: [seen], log: "off" });
    const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
    await jobs.enqueue(seen, {});
    await jobs.worker({ jobs: [seen] }).start();
    await expect(settled).resolves.toMatchObject({ outcome: "completed" });
    await jobs.close();
  });

  test.each<[host: string, parameters: string, says: RegExp]>([
    [
      "localhost",
      "",
      /certificate of the server cannot be verified \(.+\); name its authority: \?ssl_ca_certs=.*\?ssl_cert_reqs=none/,
    ],
    [
      "127.0.0.1",
      "?ssl_ca_certs=CA",
      /is for DNS:localhost, not for 127\.0\.0\.1; write a host that it names, or accept any: \?ssl_check_hostname=false/,
    ],
  ])("%s with %s is refused with what to write", async (host, parameters, says) => {
    await expect(fromUrl(at(host, parameters))(context)).rejects.toMatchObject(refused(says));
  });

  test("TLS on the port without it, and none on the port with it, say which scheme to try", async () => {
    const unavailable = (says: RegExp) => ({ code: "BACKEND_UNAVAILABLE", message: expect.stringMatching(says) });
    const [withTls, without] = [redis.url.replace("redis:", "rediss:"), redis.tlsUrl.replace("rediss:", "redis:")];
    await expect(fromUrl(withTls)(context)).rejects.toMatchObject(
      unavailable(/if it speaks no TLS on this port, begin the URL with "redis:\/\/"/),
    );
    await expect(fromUrl(without)(context)).rejects.toMatchObject(
      unavailable(/if the server takes TLS alone, begin the URL with "rediss:\/\/"/),
    );
  });
});

describe("a user of whom the ACL takes a command", () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let admin: Redis;
  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.url);
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });
  const as = (user: string): string => redis.url.replace("redis://", `redis://${user}:secret@`);

  test("INFO is named, with the rule to add; with that rule a job runs", async () => {
    await admin.acl("SETUSER", "shop", "on", ">secret", "~waybill:*", "+@all", "-@dangerous");
    await expect(fromUrl(as("shop"))(context)).rejects.toMatchObject(
      refused(
        /the Redis user may not run INFO \(NOPERM\), by which waybill sees whether the server keeps jobs; allow it: ACL SETUSER (shop|<user>) \+info/,
      ),
    );
    await admin.acl("SETUSER", "shop", "+info");
    const seen = defineJob({ type: "acl.seen", handler: () => {} });
    const jobs = await connect(as("shop"), { jobs: [seen], log: "off" });
    const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
    await jobs.enqueue(seen, {});
    await jobs.worker({ jobs: [seen] }).start();
    await expect(settled).resolves.toMatchObject({ outcome: "completed" });
    await jobs.close();
  });

  test("so is a user without scripts", async () => {
    await admin.acl("SETUSER", "mute", "on", ">secret", "~waybill:*", "+@all", "-@scripting");
    const jobs = await connect(as("mute"), { log: "off" });
    await expect(jobs.enqueue("acl.seen", {})).rejects.toMatchObject(refused(/NOPERM/));
    await jobs.close();
  });
});
