import { inspect } from "node:util";
import { connect, defineJob, keyRing, newSecret } from "@waybill/core";
import { expect, onTestFinished, test } from "vitest";
import { createIngress, createReceiver, createRelay, native, sqsd } from "../../src/index.ts";
import { envelope } from "../support/daemon-request.ts";
import { post, serving, signed } from "../support/signed-requests.ts";
import { everythingWritten } from "../support/captured-output.ts";

test("no secret and no key of a secret is in a log, a response, an error or an inspected object", async () => {
  const secrets = [newSecret(), newSecret()];
  const ring = keyRing(secrets);
  const written = everythingWritten();
  const jobs = await connect("memory:", { keys: secrets, log: "stdout" });
  onTestFinished(() => jobs.close());
  const job = defineJob({
    type: "work",
    handler(_, context) {
      written.push(inspect(context, { depth: 20, showHidden: true }));
      throw new Error("no");
    },
  });
  const receivers = [
    createReceiver({ jobs: [job], keys: secrets }),
    createReceiver({ jobs: [job], carriers: [sqsd({ keys: ring, httpConnections: 1 })], path: "/sqsd" }),
  ];
  const endpoints = [
    ...receivers,
    createRelay({ to: jobs, keys: secrets.join(" "), path: "/relay" }),
    createIngress({ to: jobs, keys: ring }),
  ];
  for (const { matches, receive, path } of endpoints) {
    const url = `${await serving({ matches, receive })}${path}`;
    const body = envelope("work");
    const forged = { ...signed(body), authorization: secrets[0] ?? "", "waybill-signature": "v1,x" };
    for (const headers of [signed(body, { by: ring }), forged, {}]) {
      const response = await post(url, body, { headers });
      written.push(response.text, inspect(Object.fromEntries(response.headers)));
    }
    await post(url, "not an envelope", { headers: signed("not an envelope", { id: "msg_1", by: ring }) });
  }
  await jobs.enqueue("work", {});
  written.push(inspect([endpoints, jobs, native({ keys: ring }), ring], { depth: 20, showHidden: true }));
  written.push(JSON.stringify([ring, { ring }]), String(ring), `${native({ keys: ring }).name}`);
  const broken = `${secrets[0]}!`;
  for (const refuse of [() => keyRing(broken), () => createReceiver({ jobs: [job], keys: broken, log: "off" })]) {
    try {
      refuse();
    } catch (error) {
      written.push(inspect(error, { depth: 20, showHidden: true }));
    }
  }
  for (const receiver of receivers) await receiver.stop();
  await jobs.close();

  const all = written.join("\n");
  expect(all.length).toBeGreaterThan(5_000);
  for (const proof of ["push_refused", "booted", "stopped", "settled", "KeyRing(2 keys)", "secret 1 of the key ring"]) {
    expect(all).toContain(proof);
  }
  for (const secret of secrets) {
    const key = secret.slice("whsec_".length);
    const bytes = Buffer.from(key, "base64");
    const shapes = [
      key,
      key.replace(/=+$/, ""),
      bytes.toString("hex"),
      bytes.toString("base64url"),
      bytes.toString("latin1"),
    ];
    for (const shape of [...shapes, inspect(bytes).slice(8, 40)]) expect(all.includes(shape), shape).toBe(false);
  }
});
