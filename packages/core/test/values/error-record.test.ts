import { expect, test } from "vitest";
import { errorRecord, errorText, parseError, serialiseError } from "../../src/values/error-record.ts";
import { randomOf } from "../../src/testing/random.ts";
import { hostileValues, randomThrown } from "../helpers/hostile-values.ts";

const LONGEST = 8_000;

/** What a store gets of a thrown value, and what is read of that. */
function kept(thrown: unknown) {
  const record = errorRecord(thrown);
  const text = serialiseError(record) ?? "";
  return { record, text, read: parseError(text) };
}

test.each(hostileValues)("of $name a record is kept whole, in ASCII and within its bound", ({ make }) => {
  const { record, text, read } = kept(make());
  expect(read).toEqual(record);
  expect(text).toMatch(/^[ -~]+$/);
  expect(text.length).toBeLessThanOrEqual(LONGEST);
});

test("of 2,000 random thrown values a record is kept whole", () => {
  const random = randomOf(7);
  for (let at = 0; at < 2_000; at++) {
    const { record, text, read } = kept(randomThrown(random));
    expect([at, read]).toEqual([at, record]);
    expect(text.length).toBeLessThanOrEqual(LONGEST);
  }
});

class DeepError extends Error {
  readonly code = "deep".repeat(100);
}

function deep(depth: number, message: string): Error {
  return new DeepError(message, depth === 0 ? {} : { cause: deep(depth - 1, message) });
}

test.each(["x".repeat(1e6), "😀".repeat(1e5), "\0\u2028".repeat(1e4), "at node:internal\n    at fake (x.ts:1:1)\n"])(
  "a long message of %.10j costs neither the stack nor the nearest cause",
  (message) => {
    const { record, text } = kept(deep(5, message));
    expect(text.length).toBeLessThanOrEqual(LONGEST);
    expect(record.name).toBe("DeepError");
    expect(record.stack[0]).toMatch(/error-record\.test\.ts:\d+/);
    expect(record.causes.length).toBe(3);
    expect(record.causes[0]?.message.slice(0, 20)).toBe(record.message.slice(0, 20));
  },
);

test("a circle of causes ends", () => {
  const [one, two] = [new Error("one"), new Error("two")];
  one.cause = two;
  two.cause = one;
  expect(errorRecord(one).causes.map(({ message }) => message)).toEqual(["two"]);
});

test("what is stored and no record reads as a record that says so, and absent as none", () => {
  for (const text of ["{", "[]", "7", '{"name":7,"message":""}', "x".repeat(70_000), "[".repeat(60_000)]) {
    expect(parseError(text)).toMatchObject({ message: expect.stringContaining("cannot be read"), stack: [] });
  }
  for (const absent of [undefined, null, "", 7, Buffer.from("{}"), {}]) expect(parseError(absent)).toBeNull();
  const odd = {
    name: "E",
    message: "m",
    code: 7,
    stack: [1, "at x", null],
    causes: [null, { name: "C", message: "" }],
  };
  expect(parseError(JSON.stringify(odd))).toEqual({
    name: "E",
    code: null,
    message: "m",
    stack: ["at x"],
    causes: [{ name: "C", code: null, message: "", stack: [] }],
  });
  for (const { make } of hostileValues) expect(() => parseError(make())).not.toThrow();
});

test("its text is that of a console, with the causes below", () => {
  const causes = [{ name: "RangeError", code: null, message: "", stack: ["at b (b.ts:2:2)", "at c (c.ts:3:3)"] }];
  const stack = ["at a (a.ts:1:1)", "at c (c.ts:3:3)"];
  const error = { name: "CardDeclined", code: "E_CARD", message: "no\nmoney", stack, causes };
  expect(errorText(error)).toBe(
    "CardDeclined [E_CARD]: no\nmoney\n    at a (a.ts:1:1)\n    at c (c.ts:3:3)\ncaused by RangeError\n    at b (b.ts:2:2)",
  );
});
