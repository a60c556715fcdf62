import { describe, expect, it } from "vitest";
import { parseEnvelope, serialiseEnvelope } from "../../src/envelope/index.ts";
import { refuseFault } from "../../src/envelope/json-fault.ts";
import { parseStrictJson } from "../../src/envelope/strict-json.ts";
import { EnvelopeError } from "../../src/errors.ts";
import { mutants } from "./mutants.ts";

const ROUNDS = 20_000;

/** The code under which a call refuses; null when it does not. Anything but an `EnvelopeError` is a crash. */
function refusal(call: () => unknown): string | null {
  try {
    call();
    return null;
  } catch (thrown) {
    if (thrown instanceof EnvelopeError) return thrown.envelopeCode;
    throw thrown;
  }
}

describe(`${ROUNDS} mutated envelopes`, () => {
  it("are refused with a code or accepted; what is accepted is written and accepted again, as the same values", () => {
    const seen = new Map<string | null, number>();
    for (const text of mutants(1, ROUNDS)) {
      const code = refusal(() => parseEnvelope(text));
      seen.set(code, (seen.get(code) ?? 0) + 1);
      if (code !== null) continue;
      const envelope = parseEnvelope(text);
      // The one thing a reader takes that JavaScript cannot write: serialise.ts.
      if (refusal(() => serialiseEnvelope(envelope)) === "JSON_NUMBER_RANGE") expect(text).toMatch(/\d[.eE]/);
      else expect(JSON.stringify(parseEnvelope(serialiseEnvelope(envelope)))).toBe(JSON.stringify(envelope));
    }
    // Neither everything refused nor everything accepted: the mutations reach past the first check.
    expect(seen.get(null)).toBeGreaterThan(ROUNDS / 20);
    expect(seen.size).toBeGreaterThan(20);
  });

  it("get one verdict from the two counts and from the slow reading of the text", () => {
    let faults = 0;
    for (const text of mutants(2, ROUNDS)) {
      const quick = refusal(() => parseStrictJson(text));
      if (quick === "JSON_SYNTAX" || quick === "BOM_FORBIDDEN" || quick === "BODY_TOO_LARGE") continue;
      const slow = refusal(() => refuseFault(text));
      if (quick !== slow) expect({ text, verdict: quick }).toEqual({ text, verdict: slow });
      if (slow !== null) faults++;
    }
    expect(faults).toBeGreaterThan(ROUNDS / 20);
  });
});

describe("hostile bodies cost time in proportion to their length", () => {
  it.each([
    ["half a million opening brackets", "[".repeat(500_000)],
    ["a nest of half a million levels", "[".repeat(500_000) + "]".repeat(500_000)],
    ["a mebibyte of escapes", `["${"\\u0041".repeat(170_000)}"]`],
    ["a mebibyte of surrogate halves", `["${"\\ud800".repeat(170_000)}"]`],
    ["a mebibyte of backslashes and quotes", `["${'\\\\\\"'.repeat(260_000)}"]`],
    ["a mebibyte of colons after blanks", `["${" :".repeat(500_000)}"]`],
    ["a number of a mebibyte", `[${"9".repeat(1_000_000)}]`],
    ["a hundred thousand keys", `{${Array.from({ length: 90_000 }, (_, n) => `"${n}":0`).join(",")}}`],
    ["a type of a mebibyte", JSON.stringify({ spec: "waybill/1", id: "", type: "a.".repeat(500_000), args: [] })],
    ["a time of a mebibyte", `{"spec":"waybill/1","created_at":"${"2".repeat(1_000_000)}"}`],
  ])("%s", { timeout: 5_000 }, (_, body) => {
    expect(refusal(() => parseEnvelope(body))).not.toBeNull();
  });
});

it("half of a surrogate pair in a JavaScript string is told as what it is: not to be had in UTF-8", () => {
  expect(refusal(() => parseEnvelope('{"spec":"\ud800"}'))).toBe("ENCODING_INVALID");
});

describe("names of object prototypes are ordinary names", () => {
  const body = (rest: string): string =>
    `{"spec":"waybill/1","id":"019539a4-b68c-7def-8000-1a2b3c4d5e6f","type":"ping","args":[{}]${rest}}`;

  it("a field named __proto__ gives the envelope no fields and no object anything", () => {
    const envelope = parseEnvelope(body(',"__proto__":{"queue":"stolen","meta":{"tenant_id":"other"}}'));
    expect(envelope.queue).toBeUndefined();
    expect(envelope.meta).toBeUndefined();
    expect(({} as { queue?: string }).queue).toBeUndefined();
    expect(Object.keys(parseEnvelope(serialiseEnvelope(envelope)))).toContain("__proto__");
  });

  it.each(["constructor", "toString", "hasOwnProperty", "valueOf"])("a field named %s is kept and ignored", (name) => {
    const envelope = parseEnvelope(body(`,"${name}":1`));
    expect(Object.hasOwn(envelope, name)).toBe(true);
  });
});
