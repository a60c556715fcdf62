import { defineJob, keyRing, newSecret, requestSecret } from "@waybill/core";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { envelope, idIn } from "../support/daemon-request.ts";
import { post, receiving } from "../support/signed-requests.ts";

// The library of the Standard Webhooks project itself, which shares no line with ours.
const job = defineJob({ type: "work", handler() {} });
const withUmlauts = (): string => envelope("work", { text: "Größe \u2028 😀" });

test("a receiver accepts requests that the standardwebhooks library signs", async () => {
  const secret = newSecret();
  const { url } = await receiving({ jobs: [job], keys: secret });
  const body = withUmlauts();
  const at = new Date();
  const headers = {
    "webhook-id": idIn(body),
    "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
    "webhook-signature": new Webhook(requestSecret(secret)).sign(idIn(body), at, body),
  };
  expect((await post(url, body, { headers })).status).toBe(200);
  const tampered = body.replace("Größe", "Grösse");
  expect((await post(url, tampered, { headers })).status).toBe(403);
});

test("the standardwebhooks library verifies requests that we sign, and refuses those that we refuse", () => {
  const [secret, other] = [newSecret(), newSecret()];
  const body = withUmlauts();
  const timestamp = Math.floor(Date.now() / 1_000);
  const value = keyRing(secret).sign({ id: idIn(body), timestamp, body });
  const headers = { "webhook-id": idIn(body), "webhook-timestamp": `${timestamp}`, "webhook-signature": value };
  expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
  expect(() => new Webhook(other).verify(body, headers)).toThrow();
  expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
});

test("while keys change, both sides sign with two and either is enough, ours and theirs mixed", async () => {
  const [old, fresh] = [newSecret(), newSecret()];
  const body = withUmlauts();
  const at = new Date();
  const timestamp = Math.floor(at.getTime() / 1_000);
  const id = idIn(body);
  const both = `${new Webhook(requestSecret(old)).sign(id, at, body)} ${keyRing(fresh).requests.sign({ id, timestamp, body })}`;
  for (const secret of [old, fresh]) {
    expect(keyRing(secret).requests.verify({ id, timestamp, body }, both)).toBe(true);
    const headers = { "webhook-id": id, "webhook-timestamp": `${timestamp}`, "webhook-signature": both };
    expect(new Webhook(requestSecret(secret)).verify(body, headers)).toBeDefined();
    const { url } = await receiving({ jobs: [job], keys: secret });
    expect((await post(url, body, { headers })).status).toBe(200);
  }
  expect(keyRing(newSecret()).verify({ id, timestamp, body }, both)).toBe(false);
});
