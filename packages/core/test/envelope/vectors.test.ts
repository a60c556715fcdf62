import { describe, expect, it } from "vitest";
import * as core from "../../src/envelope/index.ts";
import { answerOf, answersOf } from "./answers.ts";
import { labelOf } from "./label.ts";
import { type BodyInput, bodyOf, readVectors } from "./vectors.ts";

const { parseEnvelope, serialiseEnvelope } = core;
const answers = answersOf(core);

describe("valid: an envelope is read as the spec says, and written back with nothing lost", () => {
  const readOnly = "a whole double beyond the integers, written with a fraction";

  it.each(readVectors<BodyInput, object>("valid"))("$name", ({ name, input, expect: label }) => {
    const body = bodyOf(input);
    const envelope = parseEnvelope(body);
    expect(labelOf(envelope)).toEqual(label);
    if (name === readOnly) return expect(() => serialiseEnvelope(envelope)).toThrow("send it as a string");
    expect(JSON.parse(serialiseEnvelope(envelope))).toEqual(JSON.parse(JSON.stringify(JSON.parse(body))));
  });
});

describe.each([
  ["invalid", "what breaks one rule is refused with that rule's code, and points at the place"],
  ["retry-schedule", "every wait agrees with the spec to the millisecond"],
  ["defaults", "the envelope wins, else the definition, else the default"],
  ["timestamps", "are read to the millisecond and written in one form, or refused"],
  ["durations", "are read to the millisecond, or refused"],
  ["derived-ids", "follow from their parts, or are refused"],
  ["dedupe-keys", "are computed as the spec says"],
] as const)("%s: %s", (...[folder]) => {
  it.each(readVectors<never, object>(folder))("$name", ({ input, expect: outcome, error }) => {
    expect(answerOf(() => answers[folder](input))).toEqual(error ? { error } : { expect: outcome });
  });
});

it("what is refused says why in words", () => {
  for (const { name, input } of readVectors<BodyInput, never>("invalid")) {
    expect(() => parseEnvelope(bodyOf(input)), name).toThrow(/\w/);
  }
});
