import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import LongestFirst from "./scripts/longest-first.ts";

// Sources, not dist: a test sees the line you just wrote. Child processes get the same by --conditions.
// Never "import" or "require": which of the two applies is for each import to say.
const conditions = ["waybill-source", "node", "default"];
const shared = {
  environment: "node",
  testTimeout: 30_000,
  hookTimeout: 30_000,
  // Hundreds of processes are started from sources: each compiles them in a third of the time once one has.
  env: { NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/waybill-tests", import.meta.url)) },
} as const;

const processTests = ["{packages,apps}/*/test/**/*.process.test.ts", "test/**/*.process.test.ts"];
/** They fill both cores, or measure what a neighbour would spoil: memory, pauses, wake-ups, takeovers. */
const measuring = [
  "apps/bench/test/bench.process.test.ts",
  "apps/demo/test/kill.process.test.ts",
  "apps/faults/test/anonymous-load.process.test.ts",
  "apps/faults/test/catalogue-alone.process.test.ts",
  "packages/http/test/endpoint/hostile.process.test.ts",
  "packages/sqlite/test/file/{busy,idle,kill}.process.test.ts",
];

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  resolve: { conditions },
  // Nest's, in tests of a Nest application.
  oxc: { decorator: { legacy: true } },
  test: {
    reporters: ["default", "./scripts/one-line-reporter.ts"],
    // Most of a test is waiting: for a broker, a lease, a process. Four files at a time leave two cores some rest.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    globalSetup: "./packages/test-servers/src/services/vitest-setup.ts",
    projects: [
      {
        extends: true,
        test: {
          ...shared,
          name: "unit",
          include: ["{packages,apps}/*/test/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["**/*.process.test.ts", "**/node_modules/**"],
          // They wait more than the others, and start few processes: seven keep two cores busy.
          maxWorkers: 7,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Tests that start, kill and cut off other processes, and mostly wait for them: after the rest.
        extends: true,
        test: {
          ...shared,
          name: "process",
          include: processTests,
          exclude: [...measuring, "**/node_modules/**"],
          testTimeout: 300_000,
          // Of a file whose tests say that they may run side by side.
          maxConcurrency: 12,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...shared,
          name: "alone",
          include: measuring,
          fileParallelism: false,
          testTimeout: 300_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
