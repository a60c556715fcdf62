import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { documents } from "../packages/core/test/envelope/documents.ts";
import { disagreements, hasPython, ownAnswer, pythonAnswers } from "./second-implementation.ts";
import { root } from "./workspace.ts";

interface Case {
  readonly name: string;
  readonly input: unknown;
  readonly expect?: unknown;
  readonly error?: unknown;
}

const vectors = join(root, "spec/1.0/vectors");
const folders = Map.groupBy(globSync("**/*.json", { cwd: vectors }).toSorted(), (file) => dirname(file));
const SEED = 1;
const BODIES = 2_500;

function casesOf(folder: string): Case[] {
  return (folders.get(folder) ?? []).flatMap((file) => JSON.parse(readFileSync(join(vectors, file), "utf8")) as Case[]);
}

describe("a second implementation, in another language and from the spec alone, agrees", () => {
  test.for([...folders.keys()])("on every vector of %s", (folder, { skip }) => {
    if (!hasPython) return skip("python3 is not on this machine");
    const cases = casesOf(folder);
    const answers = pythonAnswers(cases.map(({ input }) => ({ folder, input })));
    expect(answers).toHaveLength(cases.length);
    expect(cases.map(({ name }, index) => ({ name, ...answers[index] }))).toEqual(cases.map(asWritten));
    return undefined;
  });

  test("on what its own serialiser writes, which core reads as the same job", ({ skip }) => {
    if (!hasPython) return skip("python3 is not on this machine");
    const cases = casesOf("valid");
    const written = pythonAnswers(cases.map(({ input }) => ({ folder: "written", input })));
    const bodies = written.map((answer) => ("expect" in answer ? String(answer.expect) : ""));
    const read = bodies.map((body, index) => ({ name: cases[index]!.name, ...ownAnswer(Buffer.from(body)) }));
    expect(read).toEqual(cases.map(asWritten));
    return undefined;
  });

  test(`on ${BODIES} bodies at the edges of the rules, whether each is an envelope and whose job it is`, ({ skip }) => {
    if (!hasPython) return skip("python3 is not on this machine");
    const bodies = [...documents(SEED, BODIES)];
    const taken = bodies.filter((body) => "expect" in ownAnswer(body));
    expect(taken.length).toBeGreaterThan(BODIES / 5);
    expect(taken.length).toBeLessThan((BODIES * 4) / 5);
    expect(disagreements(bodies)).toEqual([]);
    return undefined;
  });
});

function asWritten({ name, expect: outcome, error }: Case): object {
  return error === undefined ? { name, expect: outcome } : { name, error };
}
