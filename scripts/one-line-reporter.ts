import { appendFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

/** Prints each skipped test with its reason, then the one closing line that CI reads. */
export default class OneLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0;
    let failed = errors.length;
    const skipped: string[] = [];
    for (const module of modules) {
      if (module.state() === "failed" && [...module.children.allTests()].length === 0) failed += 1;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "passed") passed += 1;
        else if (result.state === "failed") failed += 1;
        else skipped.push(`${test.fullName}: ${("note" in result && result.note) || "no reason given"}`);
      }
    }
    for (const line of skipped) console.log(`skipped: ${line}`);
    const file = process.env["WAYBILL_SKIPS_FILE"];
    if (file) appendFileSync(file, skipped.map((line) => `${line}\n`).join(""));
    console.log(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  }
}
