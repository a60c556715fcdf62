import { type Certificates, makeCertificates, type RabbitServer, startRabbit } from "@waybill/test-servers";
import { connect } from "@waybill/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromUrl } from "../src/index.ts";
import { settingsOf } from "../src/options.ts";
import { optionsFromUrl } from "../src/url.ts";
import { context } from "./fixture.ts";

const settings = (url: string) => settingsOf(optionsFromUrl(url));
const refused = (says: RegExp) => ({ code: "CONFIG_INVALID", message: expect.stringMatching(says) });

describe("URLs of other clients are accepted", () => {
  test.each<[whose: string, url: string, what: object]>([
    ["CloudAMQP", "amqps://me:pw@x.rmq.cloudamqp.com/me", { server: { vhost: "me", port: 5671 } }],
    ["RabbitMQ, the vhost /", "amqp://me:pw@h/%2f", { server: { vhost: "%2F" }, address: "amqp://h:5672" }],
    ["amqplib", "amqp://me:pw@h?heartbeat=60&channelMax=0&frameMax=0", { server: { vhost: "%2F" } }],
    ["PHP and pika", "amqp://me:pw@h/v?heartbeat=30&connection_timeout=30000", { server: { vhost: "v" } }],
    [
      "RabbitMQ's URI",
      "amqps://h?auth_mechanism=plain&verify=verify_peer&server_name_indication=a.b",
      { tls: { servername: "a.b" } },
    ],
    ["RabbitMQ's URI, unverified", "amqps://h?verify=verify_none", { tls: { rejectUnauthorized: false } }],
  ])("of %s: %s", (_, url, what) => {
    expect(settings(url)).toMatchObject(what);
  });

  test.each<[url: string, says: RegExp]>([
    ["amqp://h?heartbeat=0", /heartbeat is "0"; write 10 or more, in seconds/],
    ["amqp://h?heartbeat=5", /heartbeat is "5"; write 10 or more, in seconds/],
    [
      "amqp://h?auth_mechanism=gssapi",
      /auth_mechanism is "gssapi"; write plain, external, or open connections yourself/,
    ],
    ["amqps://h?auth_mechanism=external", /authMechanism is external, which needs a client certificate: \?certfile=/],
    ["amqps://h?verify=none", /verify is "none"; write one of verify_peer, verify_none/],
    ["amqp://h?verify=verify_none", /verify is "verify_none", which is of TLS; begin the URL with "amqps:\/\/"/],
    ["amqps://h?cacertfile=/nowhere.pem", /cacertfile is "\/nowhere\.pem" \(ENOENT.*name a PEM file/],
  ])("%s is refused with the parameter, its value and what to write", (url, says) => {
    expect(() => fromUrl(url)).toThrow(expect.objectContaining(refused(says)));
  });
});

describe("on a broker with a self-signed certificate", () => {
  let certificates: Certificates;
  let rabbit: RabbitServer;
  let tlsUrl = "";

  beforeAll(async () => {
    certificates = makeCertificates("rabbitmq");
    rabbit = await startRabbit();
    tlsUrl = await rabbit.listenByTls(certificates);
  }, 60_000);
  afterAll(async () => {
    await rabbit.stop();
    certificates.remove();
  });

  const at = (host: string, parameters: string): string =>
    tlsUrl.replace("localhost", host) + parameters.replace("CA", certificates.ca);

  test.each([
    ["localhost", "?verify=verify_none"],
    ["localhost", "?cacertfile=CA&heartbeat=60"],
    ["127.0.0.1", "?cacertfile=CA&server_name_indication=localhost"],
  ])("%s with %s stores a job", async (host, parameters) => {
    const jobs = await connect(at(host, parameters), { log: "off" });
    await expect(jobs.enqueue("url.seen", {})).resolves.toMatchObject({ stored: true });
    await jobs.close();
  });

  test("a certificate that cannot be verified and a port without TLS are refused with what to write", async () => {
    await expect(fromUrl(at("localhost", ""))(context)).rejects.toMatchObject(
      refused(
        /certificate of the server cannot be verified \(.+\); name its authority: \?cacertfile=.*\?verify=verify_none/,
      ),
    );
    const plain = rabbit.url.replace("amqp:", "amqps:");
    await expect(fromUrl(plain)(context)).rejects.toMatchObject(
      refused(/speaks no TLS on this port; begin the URL with "amqp:\/\/"/),
    );
  });
});
