import { expect, test } from "vitest";
import { assertText, configInvalid, retentionOf, wholeNumber } from "../../../src/backend/shared/option-checks.ts";

const refusal = (message: string) => expect.objectContaining({ code: "CONFIG_INVALID", message });

test("an error of configuration keeps its cause", () => {
  const cause = new Error("no such file");
  expect(configInvalid("sqlite: no file", cause)).toMatchObject({ code: "CONFIG_INVALID", cause });
  expect("cause" in configInvalid("sqlite: no file")).toBe(false);
});

test("a whole number within the limits is returned", () => {
  expect(wholeNumber("sqs: pollSeconds", 20, { least: 1, most: 20 })).toBe(20);
  expect(wholeNumber("sqlite: pollMs", Infinity, { least: 1, orInfinity: true })).toBe(Infinity);
});

test.each([
  [0, { least: 1 }, "0: a whole number from 1"],
  [21, { least: 1, most: 20 }, "21: a whole number from 1 to 20"],
  [1.5, { least: 1, why: ': "off" in a URL' }, '1.5: a whole number from 1: "off" in a URL'],
  ["5", { least: 1, orInfinity: true }, '"5": a whole number from 1, or Infinity'],
  [Infinity, { least: 1 }, "Infinity: a whole number from 1"],
  [Number.NaN, { least: 0 }, "NaN: a whole number from 0"],
])("%s within %o is refused", (value, limits, says) => {
  expect(() => wholeNumber("x: n", value, limits)).toThrow(refusal(`x: n is ${says}`));
});

test("an option that must be a text is refused with what to do", () => {
  expect(() => assertText("sqlite: path", "./jobs.db", "name a file")).not.toThrow();
  expect(() => assertText("sqlite: path", 5, "name a file")).toThrow(refusal("sqlite: path is 5; name a file"));
  expect(() => assertText("sqlite: path", undefined, "name a file")).toThrow(
    refusal("sqlite: path is undefined; is its environment variable set? Otherwise name a file"),
  );
});

test("finished jobs are kept for a day, 10,000 of them, unless the option says otherwise", () => {
  expect(retentionOf("sqlite")).toEqual({ maxAgeMs: 86_400_000, maxCount: 10_000 });
  expect(retentionOf("sqlite", { maxCount: 0, maxAgeMs: Infinity })).toEqual({ maxAgeMs: Infinity, maxCount: 0 });
  expect(() => retentionOf("sqlite", { maxCount: -1 })).toThrow(
    refusal("sqlite: retainFinished.maxCount is -1: a whole number from 0, or Infinity"),
  );
  expect(() => retentionOf("sqlite", { maxage: 1 } as object)).toThrow(
    /the members of retainFinished have no "maxage"/,
  );
});
