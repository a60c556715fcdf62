/** TLS on every broker with an authority of the test's own: what connects, and what is refused in one plain sentence. */
import { connect, defineJob } from "@waybill/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli } from "../hostile/watch.ts";
import { type TlsBroker, tlsTargets } from "./brokers.ts";

const seen = defineJob({ type: "tls.seen", handler: () => undefined });

async function runsAJob(url: string): Promise<void> {
  const jobs = await connect(url, { jobs: [seen], log: "off" });
  const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
  await jobs.enqueue(seen, {});
  await jobs.worker({ jobs: [seen] }).start();
  await expect(settled).resolves.toMatchObject({ outcome: "completed" });
  await jobs.close();
}

/** An error of one line, without the words of OpenSSL's source or a stack. */
async function refusal(url: string): Promise<{ code: string; message: string }> {
  const thrown: unknown = await connect(url, { log: "off" }).then(
    (jobs) => jobs.close().then(() => new Error("it connected")),
    (error: unknown) => error,
  );
  const { code = "", message } = thrown as Error & { code?: string };
  expect(message).not.toMatch(/\n|\.\.\/deps|rec_layer|[0-9A-F]{12}:error/);
  expect(message).toMatch(/localhost|127\.0\.0\.1/);
  return { code, message };
}

describe.each(tlsTargets)("on $name with TLS", ({ name, start, named }) => {
  let broker: TlsBroker;
  beforeAll(async () => void (broker = await start()), 90_000);
  afterAll(() => broker.stop());

  const refused = (says: RegExp) => ({ code: "CONFIG_INVALID", message: expect.stringMatching(says) });

  test("R29: a job runs by the authority that the URL names", async () => {
    const { urls, certificates } = broker;
    await runsAJob(named(urls.tls, { ca: certificates.ca }));
  });

  test("a job runs with a client certificate, where the server asks for one", async () => {
    const { urls, certificates } = broker;
    await runsAJob(named(urls.asksClients, { ca: certificates.ca, ...certificates.client }));
  });

  test("R29: an unknown authority, an expired certificate and a wrong name are each refused by what is wrong", async () => {
    const { urls, certificates } = broker;
    const { ca } = certificates;
    expect(await refusal(named(urls.tls, {}))).toMatchObject(
      refused(/certificate of the server cannot be verified \(.+\); name its authority: .+=\/path\/to\/ca\.pem/),
    );
    expect(await refusal(named(urls.expired, { ca }))).toMatchObject(
      refused(/certificate of the server has expired; renew it, or correct the clock of this machine/),
    );
    expect(await refusal(named(urls.tls.replace("localhost", "127.0.0.1"), { ca }))).toMatchObject(
      refused(/certificate of the server is for DNS:localhost, not for 127\.0\.0\.1; write a host that it names/),
    );
  });

  test("a client certificate that is missing, unknown or without its key is refused by what is wrong", async () => {
    const { urls, certificates } = broker;
    const { ca, client, stranger, key } = certificates;
    // A server may close the connection before the client has read why.
    const says = /client certificate/;
    expect((await refusal(named(urls.asksClients, { ca }))).message).toMatch(says);
    expect((await refusal(named(urls.asksClients, { ca, ...stranger }))).message).toMatch(says);
    expect(await refusal(named(urls.asksClients, { ca, ...client, key }))).toMatchObject(
      refused(/a file of TLS cannot be used \(.*key values mismatch\); name PEM files, and the key that belongs/),
    );
  });

  test("TLS on a port without it, and none on a port with it, say what to write", async () => {
    const { urls, certificates } = broker;
    expect((await refusal(named(urls.tlsToPlain, { ca: certificates.ca }))).message).toMatch(
      /speaks no TLS.*[;,] (begin the (URL|endpoint) with|write sslmode=disable)/,
    );
    expect((await refusal(urls.plainToTls)).message).toMatch(
      /begin (the URL|the endpoint|it) with "?(rediss|amqps|https):\/\/|add sslmode=require/,
    );
  }, 20_000);

  test("waybill wait and waybill doctor say the same at once, on one line and without a stack", async () => {
    const { urls, certificates } = broker;
    const url = named(urls.expired, { ca: certificates.ca });
    const [waited, examined] = await Promise.all([
      cli("wait", "--timeout", "30s", "--url", url),
      cli("doctor", "--url", url),
    ]);
    for (const { code, out, err } of [waited, examined]) {
      expect(code).not.toBe(0);
      expect(out + err).toContain("the certificate of the server has expired; renew it");
      expect(out + err).not.toMatch(/\n\s+at |node:internal/);
    }
  }, 60_000);

  if (name !== "rabbitmq") return;
  test("auth_mechanism=external logs in whom the client certificate names", async () => {
    const { urls, certificates } = broker;
    const { ca, client } = certificates;
    const external = (url: string): string => url.replace("guest:guest@", "");
    const parameter = "&auth_mechanism=external";
    await runsAJob(named(external(urls.asksClients), { ca, ...client }) + parameter);
    expect(await refusal(named(external(urls.tls), { ca, ...client }) + parameter)).toMatchObject(
      refused(/refuses the client certificate; no user has the name that it carries, or/),
    );
    await expect((async () => connect(named(external(urls.tls), { ca }) + parameter))()).rejects.toMatchObject(
      refused(/authMechanism is external, which needs a client certificate: \?certfile=/),
    );
  });
});
