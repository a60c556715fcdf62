import { toError } from "@waybill/core";
import { openBench } from "./bench.ts";
import { contractCases } from "./cases/index.ts";
import type { ContractCase } from "./contract-case.ts";
import type { Harness } from "./harness.ts";

/** What became of one rule on one backend. */
export type CaseResult =
  | { readonly kind: "passed" }
  | { readonly kind: "skipped"; readonly reason: string }
  | { readonly kind: "failed"; readonly error: Error };

/** What is used of a runner's `test`. Those of vitest and `node:test` fit as they are. */
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

/** A known failure shows as skipped with its reason; one that is known no longer fails, so that the list stays true. */
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
    const { bench, claims, clear } = await openBench(harness);
    try {
      const applies = rule.appliesTo?.(claims) ?? true;
      if (applies !== true) return { kind: "skipped", reason: applies };
      await within(harness.limitMs ?? 3 * bench.patienceMs, rule.run(bench));
      return { kind: "passed" };
    } finally {
      await within(bench.patienceMs, clear());
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
