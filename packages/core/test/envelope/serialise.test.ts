import { expect, it } from "vitest";
import { EnvelopeError } from "../../src/errors.ts";
import { type Envelope, parseEnvelope, serialiseEnvelope } from "../../src/envelope/index.ts";

const base = { spec: "waybill/1", id: "01890a5d-ac96-774b-bcce-b302099a8057", type: "odd.value" } as const;
const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

class Money {
  amount = 1;
  toJSON(): unknown {
    return "\ud800";
  }
}

/** Values of which the text, or what a reader finds in it, differs from what was given. */
const odd: Readonly<Record<string, unknown>> = {
  "half of a surrogate pair": "\ud83d",
  "half of a pair as a key": { "\udc00": 1 },
  "a character no text column holds": "a\0b",
  "a noncharacter": "\uffff",
  "a number beyond what doubles count": 2 ** 53,
  "a number that is none": Number.NaN,
  "an object that writes itself": new Money(),
  "an object with a toJSON of its own": { toJSON: () => "\ud800" },
  "a date": new Date(0),
  "a hole": Array.from({ length: 3 }),
  "an absent member": { a: undefined, b: 1 },
  "an escaped backslash before a u": "\\u0000",
  "30 levels": deep(30),
  "31 levels": deep(31),
  "9,990 values": Array.from({ length: 9_990 }, () => 0),
  "10,000 values": Array.from({ length: 10_000 }, () => 0),
  "half a mebibyte": "x".repeat(524_288),
  "more than a mebibyte": "x".repeat(1_048_576),
  "a member named like the prototype": JSON.parse('{"__proto__":1}') as unknown,
};

function verdict(work: () => unknown): string {
  try {
    work();
    return "taken";
  } catch (thrown) {
    if (thrown instanceof EnvelopeError) return thrown.envelopeCode;
    throw thrown;
  }
}

it.each(Object.keys(odd))("%s is written as a reader takes it, or refused with the reader's code", (name) => {
  const envelope = { ...base, args: [odd[name]] } as unknown as Envelope;
  const text = JSON.stringify(envelope).replaceAll("\uffff", "\\uffff");
  expect(verdict(() => serialiseEnvelope(envelope))).toBe(verdict(() => parseEnvelope(text)));
});

it.each(["id", "type", "queue", "timeout", "priority", "retry", "meta", "crit", "expires_at", "x_own"])(
  "a %s of null, of the wrong type or undefined gets the reader's verdict",
  (field) => {
    for (const value of [null, [], {}, -1, "", "Ä", true, undefined]) {
      const envelope = { ...base, args: [], [field]: value } as unknown as Envelope;
      expect(verdict(() => serialiseEnvelope(envelope))).toBe(verdict(() => parseEnvelope(JSON.stringify(envelope))));
    }
  },
);
