import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { EnvelopeError } from "@waybill/core";
import { decodeBody } from "@waybill/core/backend";
import { parseEnvelope } from "@waybill/core/endpoint";
import { labelOf } from "../packages/core/test/envelope/label.ts";
import { root } from "./workspace.ts";

/** A folder of vectors, and one input of it. */
export interface Question {
  readonly folder: string;
  readonly input: unknown;
}

/** What came out, or how it was refused. */
export type Result =
  | { readonly expect: unknown }
  | { readonly error: { readonly code: string; readonly pointer: string } };

export const hasPython: boolean = spawnSync("python3", ["--version"]).status === 0;

/** What the implementation in Python's standard library answers. It is told no more than this. */
export function pythonAnswers(questions: readonly Question[]): Result[] {
  const input = questions.map((question) => `${JSON.stringify(question)}\n`).join("");
  const program = join(root, "spec/producers/python/answer.py");
  const { status, stdout, stderr, error } = spawnSync("python3", [program], {
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(`answer.py failed: ${error?.message ?? stderr}`);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Result);
}

/** What core answers to a body. */
export function ownAnswer(body: Uint8Array): Result {
  try {
    // As JSON, which does not tell −0 from 0.
    return { expect: JSON.parse(JSON.stringify(labelOf(parseEnvelope(decodeBody(body))))) };
  } catch (thrown) {
    if (!(thrown instanceof EnvelopeError)) throw thrown;
    return { error: { code: thrown.envelopeCode, pointer: thrown.pointer } };
  }
}

/** Bodies that one implementation takes and the other refuses, or that they take as different jobs. */
export function disagreements(
  bodies: readonly Uint8Array[],
): { readonly body: string; readonly own: Result; readonly python: Result }[] {
  const questions = bodies.map((body) => ({
    folder: "valid",
    input: { base64: Buffer.from(body).toString("base64") },
  }));
  const python = pythonAnswers(questions);
  if (python.length !== bodies.length) throw new Error(`${python.length} answers to ${bodies.length} bodies`);
  return bodies.flatMap((body, index) => {
    const pair = { own: ownAnswer(body), python: python[index]! };
    return agree(pair.own, pair.python) ? [] : [{ body: Buffer.from(body).toString("latin1"), ...pair }];
  });
}

/** Where several rules are broken, any of their codes will do. */
function agree(one: Result, other: Result): boolean {
  if ("error" in one || "error" in other) return "error" in one && "error" in other;
  return isDeepStrictEqual(one.expect, other.expect);
}
