import crypto, { createHmac } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { inspect } from "node:util";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { KeyRing, keyRing, newId, newSecret } from "../../src/index.ts";
import { signatureFor } from "../../src/exports/endpoint.ts";

/** The real one, counted. */
const timingSafeEqual = vi.spyOn(crypto, "timingSafeEqual");
syncBuiltinESMExports();
afterEach(() => void timingSafeEqual.mockClear());
afterAll(() => {
  timingSafeEqual.mockRestore();
  syncBuiltinESMExports();
});

const secret = newSecret();
const ring = keyRing(secret);
const signed = { id: newId(), timestamp: 1_795_341_600, body: '{"text":"Größe 😀"}' };

test("a signature is the HMAC-SHA256 of id, time and body, as Standard Webhooks has it", () => {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const digest = createHmac("sha256", key).update(`${signed.id}.1795341600.${signed.body}`, "utf8").digest("base64");
  expect(ring.sign(signed)).toBe(`v1,${digest}`);
  expect(ring.sign({ ...signed, body: Buffer.from(signed.body) })).toBe(`v1,${digest}`);
});

describe("a signature is of these bytes, this id, this time and this key", () => {
  test.each<[string, object]>([
    ["another body", { body: `${signed.body} ` }],
    ["an empty body", { body: "" }],
    ["another id", { id: newId() }],
    ["another time", { timestamp: signed.timestamp + 1 }],
  ])("not of %s", (_, change) => {
    expect(ring.verify(signed, ring.sign(signed))).toBe(true);
    expect(ring.verify({ ...signed, ...change }, ring.sign(signed))).toBe(false);
  });

  test.each<[string, (value: string) => string]>([
    ["nothing", () => ""],
    ["a value without its version", (value) => value.slice(3)],
    ["another version", (value) => value.replace("v1", "v2")],
    ["half of it", (value) => value.slice(0, 24)],
    ["one character more", (value) => `${value}=`],
    ["hex", (value) => `v1,${Buffer.from(value.slice(3), "base64").toString("hex")}`],
    ["base64 for URLs", (value) => value.replaceAll(/[A-Z]/g, "-")],
    ["a value behind a comma", (value) => `v1,x,${value}`],
  ])("not by %s", (_, change) => {
    expect(ring.verify(signed, change(ring.sign(signed)))).toBe(false);
  });
});

describe("a ring of several keys", () => {
  const [fresh, old] = [newSecret(), newSecret()];
  const both = keyRing([fresh, old]);

  test("signs with the first and verifies with any, so that one can be exchanged", () => {
    expect(both.sign(signed)).toBe(keyRing(fresh).sign(signed));
    expect(both.verify(signed, keyRing(old).sign(signed))).toBe(true);
    expect(keyRing(fresh).verify(signed, keyRing(old).sign(signed))).toBe(false);
  });

  test("takes a list of values, of which one is enough, up to eight", () => {
    const theirs = keyRing(newSecret()).sign(signed);
    expect(both.verify(signed, `${theirs} v1a,x ${both.sign(signed)}`)).toBe(true);
    expect(both.verify(signed, `${`${theirs} `.repeat(7)}${both.sign(signed)}`)).toBe(true);
    expect(both.verify(signed, `${`${theirs} `.repeat(8)}${both.sign(signed)}`)).toBe(false);
  });

  test("compares every value with every key, in constant time each, whichever fits first", () => {
    const [own, older, theirs] = [both, keyRing(old), keyRing(newSecret())].map((one) => one.sign(signed));
    const cases = [
      [own, older, theirs],
      [theirs, older, own],
      [theirs, theirs, theirs],
    ];
    for (const [at, values] of cases.entries()) {
      timingSafeEqual.mockClear();
      expect(both.verify(signed, values.join(" "))).toBe(at < 2);
      expect(timingSafeEqual).toHaveBeenCalledTimes(6);
    }
  });

  test("comes from a list, or from one text with spaces or commas, as an environment has it", () => {
    for (const text of [`${fresh} ${old}`, `${fresh},${old}`, ` ${fresh}\n${old} `]) {
      expect(keyRing(text).verify(signed, both.sign(signed)), text).toBe(true);
      expect(`${keyRing(text)}`).toBe("KeyRing(2 keys)");
    }
    expect(keyRing(both)).toBe(both);
  });
});

describe("a secret", () => {
  test("of our making is whsec_ and 32 random bytes, another each time", () => {
    const secrets = Array.from({ length: 100 }, newSecret);
    expect(new Set(secrets).size).toBe(100);
    for (const one of secrets) expect(one).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  });

  const ofBytes = (count: number): string => `whsec_${Buffer.alloc(count, 7).toString("base64")}`;
  test("has 24 to 64 bytes", () => {
    for (const count of [24, 32, 64]) expect(() => keyRing(ofBytes(count))).not.toThrow();
    for (const count of [0, 23, 65]) expect(() => keyRing(ofBytes(count)), `${count}`).toThrow(/24 to 64 bytes/);
  });

  test.each(["", " ", "hunter2-hunter2-hunter2", `x${newSecret()}`, newSecret().slice(0, -1), `${newSecret()}.`])(
    "that is none (%j) is refused without being shown",
    (bad) => {
      const refuse = (): KeyRing => new KeyRing(bad.trim() === "" ? [] : [newSecret(), bad]);
      expect(refuse).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
      expect(refuse).toThrow(/waybill keys/);
      if (bad.trim() === "") return;
      expect(refuse).toThrow(/secret 2 of the key ring/);
      expect(refuse).not.toThrow(new RegExp(bad.slice(6, 20).replaceAll(/[^\w]/g, "\\$&")));
    },
  );

  test("is not to be had back from its ring, however it is printed", () => {
    const shapes = [`${ring}`, JSON.stringify({ ring }), inspect(ring, { showHidden: true, depth: 9 })].join();
    expect(shapes).toContain("KeyRing(1 key)");
    expect(shapes).not.toContain(secret.slice(6, 16));
    expect(Object.getOwnPropertyNames(ring)).toEqual([]);
  });
});

test("a signature that travels with a job is made now", () => {
  const before = Math.floor(Date.now() / 1_000);
  const { timestamp, value } = signatureFor(ring, signed.id, signed.body);
  expect(timestamp).toBeGreaterThanOrEqual(before);
  expect(timestamp).toBeLessThanOrEqual(Date.now() / 1_000);
  expect(ring.verify({ ...signed, timestamp }, value)).toBe(true);
});
