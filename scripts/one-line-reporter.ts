import { appendFileSync } from "node:fs";
import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** Prints each skipped test with its reason and each failure with its sentence, then the one closing line that CI reads. */
export default class OneLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    let passed = 0;
    const failed = errors.map((error) => `outside of any test: ${sentence([error])}`);
    const skipped: string[] = [];
    for (const module of modules) {
      const hooks = [module, ...module.children.allSuites()].flatMap((suite) => suite.errors());
      if (hooks.length > 0) failed.push(`${module.relativeModuleId}: ${sentence(hooks)}`);
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "passed") passed += 1;
        else if (result.state === "failed")
          failed.push(`${module.relativeModuleId} > ${test.fullName}: ${sentence(result.errors)}`);
        else skipped.push(`${test.fullName}: ${("note" in result && result.note) || "no reason given"}`);
      }
    }
    for (const line of skipped) console.log(`skipped: ${line}`);
    const file = process.env["WAYBILL_SKIPS_FILE"];
    if (file) appendFileSync(file, skipped.map((line) => `${line}\n`).join(""));
    for (const line of failed) console.log(`failed: ${line}`);
    console.log(`\n${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
  }
}

const sentence = (errors: readonly { readonly message: string }[]): string =>
  (errors[0]?.message ?? "no message").split("\n", 3).join(" ").slice(0, 300);
