import { expect, test } from "vitest";
import { createAdmit } from "../../src/connect/admit.ts";
import { type JsonValue, serialiseEnvelope } from "../../src/envelope/index.ts";
import { keyRing, newId, newSecret } from "../../src/index.ts";
import { memoryCapabilities } from "../../src/memory/limits.ts";
import { readSignedWrapper, signedWrapper } from "../../src/signing/signed-wrapper.ts";

const keys = keyRing(newSecret());

const envelope = (type: string, payload: JsonValue = {}): string =>
  serialiseEnvelope({ spec: "waybill/1", id: newId(), type, args: [payload] });
const idIn = (body: string): string => (JSON.parse(body) as { id: string }).id;

test("a wrapper holds the envelope byte for byte, and the signature that goes with it", () => {
  const body = envelope("note", { text: 'quote " back\\slash 🚚 \u2028 \u0001' });
  const read = readSignedWrapper(signedWrapper(keys, body));
  expect(read).toMatchObject({ id: idIn(body), envelope: body });
  const { timestamp = 0, value = "" } = read?.signature ?? {};
  expect(keys.verify({ id: idIn(body), timestamp, body }, value)).toBe(true);
  expect(keyRing(newSecret()).verify({ id: idIn(body), timestamp, body }, value)).toBe(false);
});

test("a wrapper holds no character that SQS or a copy of it refuses", () => {
  const body = envelope("note", { text: "🚚 \u0001 \t \uffff \ufffe" });
  expect(signedWrapper(keys, body)).toMatch(/^[\u0020-\ud7ff\ue000-\ufffd]+$/);
});

test("the secrets may be given as an environment has them", () => {
  const secret = newSecret();
  const read = readSignedWrapper(signedWrapper(secret, envelope("note")));
  const { id = "", signature: { timestamp = 0, value = "" } = {}, envelope: body = "" } = read ?? {};
  expect(keyRing(secret).verify({ id, timestamp, body }, value)).toBe(true);
});

test("what is no envelope is not wrapped", () => {
  expect(() => signedWrapper(keys, '{"spec":"waybill/1"}')).toThrow(
    expect.objectContaining({ code: "ENVELOPE_INVALID" }),
  );
});

test("a wrapper is known by its format, however its JSON is written", () => {
  const text = signedWrapper(keys, envelope("note"));
  const fields = JSON.parse(text) as Record<string, unknown>;
  const escaped = text.replaceAll("/", "\\/");
  const spaced = JSON.stringify({ note: "for later", ...fields }, null, 2);
  expect([escaped, spaced].map(readSignedWrapper)).toEqual([readSignedWrapper(text), readSignedWrapper(text)]);
});

const fields = JSON.parse(signedWrapper(keys, envelope("note"))) as Record<string, unknown>;
test.each([
  ["an envelope that speaks of wrappers", envelope("note", { text: '"waybill-signed/1"' })],
  ["another format", JSON.stringify({ ...fields, spec: "waybill-signed/2" })],
  ["one without a signature", JSON.stringify({ ...fields, sig: undefined })],
  ["a signature that no header could carry", JSON.stringify({ ...fields, sig: "v1,\0" })],
  ["a time that is text", JSON.stringify({ ...fields, ts: "1790000000" })],
  ["a time that no clock will show", JSON.stringify({ ...fields, ts: 1e11 })],
  ["a time before all others", JSON.stringify({ ...fields, ts: -1 })],
  ["an envelope that is an object", JSON.stringify({ ...fields, envelope: {} })],
  ["an id that is a number", JSON.stringify({ ...fields, id: 7 })],
  ["a list", JSON.stringify([fields])],
  ["half a wrapper", JSON.stringify(fields).slice(0, -1)],
  ["a prototype", `{"__proto__":${JSON.stringify(fields)}}`],
])("%s is no wrapper", (_, text) => {
  expect(readSignedWrapper(text)).toBeNull();
});

const admit = createAdmit(() => memoryCapabilities);

test("an inbox takes the wrapper off: the job's body is the envelope within, and the signature goes with it", () => {
  const body = envelope("note");
  const verdict = admit(signedWrapper(keys, body), null);
  expect(verdict).toMatchObject({ ok: true, message: { id: idIn(body), type: "note", body } });
  const { timestamp = 0, value = "" } = (verdict.ok && verdict.message.signature) || {};
  expect(keys.verify({ id: idIn(body), timestamp, body }, value)).toBe(true);
});

test("a wrapper that signs another job than the one within is refused", () => {
  expect(admit(JSON.stringify({ ...fields, envelope: envelope("note") }), null)).toMatchObject({
    ok: false,
    reason: { code: "SIGNATURE_INVALID" },
  });
});

test("a wrapper within a wrapper, or beside a signature of its own, is no envelope", () => {
  const wrapper = signedWrapper(keys, envelope("note"));
  const twice = JSON.stringify({ ...(JSON.parse(wrapper) as object), envelope: wrapper });
  expect(admit(twice, null)).toMatchObject({ ok: false });
  expect(admit(wrapper, { timestamp: 1, value: "v1,x" })).toMatchObject({ ok: false });
});
