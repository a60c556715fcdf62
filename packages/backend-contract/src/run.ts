import { toError } from "@waybill/core";
import { openBench } from "./bench.ts";
import { contractCases } from "./cases/index.ts";
import type { ContractCase } from "./contract-case.ts";
import type { Harness } from "./harness.ts";

/** The result of one rule on one backend. */
export type CaseResult =
  | { readonly kind: "passed" }
  | { readonly kind: "skipped"; readonly reason: string }
  | { readonly kind: "failed"; readonly error: Error };

/** The `test` function of a runner, such as those of vitest and `node:test`. */
export type RunnerTest = (name: string, run: (context: { skip(reason?: string): unknown }) => Promise<void>) => unknown;

/**
 * Declares one test for each rule, and one more if `knownFailures` names a rule that does not exist. Never throws: a
 * test fails.
 */
export function runBackendContract(test: RunnerTest, harness: Harness): void {
  const known = harness.knownFailures ?? {};
  for (const rule of contractCases) {
    test(`${rule.subject}: ${rule.name}`, async (context) => {
      const result = judged(rule, await runCase(rule, harness), known[rule.name]);
      if (result.kind === "failed") throw result.error;
      if (result.kind === "skipped") context.skip(result.reason);
    });
  }
  const unknown = Object.keys(known).filter((name) => !contractCases.some((rule) => rule.name === name));
  if (unknown.length === 0) return;
  test("knownFailures names rules of this suite only", async () => {
    throw new Error(`no rule is called "${unknown.join('", "')}"; remove it from knownFailures`);
  });
}

/** A known failure becomes skipped, with its reason. A known failure that does not fail becomes a failure. */
function judged(rule: ContractCase, result: CaseResult, known: string | undefined): CaseResult {
  if (known === undefined) return result;
  if (result.kind === "failed") return { kind: "skipped", reason: `known failure: ${known}` };
  const now = result.kind === "passed" ? "passes" : `is skipped (${result.reason})`;
  const error = new Error(`"${rule.name}" is listed in knownFailures but ${now}; remove the entry`);
  return { kind: "failed", error };
}

/** Runs one rule on a store of its own. Never rejects. */
export async function runCase(rule: ContractCase, harness: Harness): Promise<CaseResult> {
  try {
    const { bench, features, clear } = await openBench(harness);
    try {
      const applies = rule.appliesTo?.(features) ?? true;
      if (applies !== true) return { kind: "skipped", reason: applies };
      await within(harness.limitMs ?? 3 * bench.eventuallyMs, rule.run(bench));
      return { kind: "passed" };
    } finally {
      await within(bench.eventuallyMs, clear());
    }
  } catch (thrown) {
    return { kind: "failed", error: toError(thrown) };
  }
}

async function within(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not finished after ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
