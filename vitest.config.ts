import { defineConfig } from "vitest/config";

// Sources, not dist: a test sees the line you just wrote. Child processes get the same by --conditions.
// Never "import" or "require": which of the two applies is for each import to say.
const conditions = ["waybill-source", "node", "default"];
const shared = {
  environment: "node",
  testTimeout: 30_000,
  hookTimeout: 30_000,
} as const;

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  resolve: { conditions },
  // Nest's, in tests of a Nest application.
  oxc: { decorator: { legacy: true } },
  test: {
    reporters: ["default", "./scripts/one-line-reporter.ts"],
    maxWorkers: 2,
    globalSetup: "./packages/test-servers/src/vitest-setup.ts",
    projects: [
      {
        extends: true,
        test: {
          ...shared,
          name: "unit",
          include: ["{packages,apps}/*/test/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["**/*.process.test.ts", "**/node_modules/**"],
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Tests that start, kill and time other processes: one file at a time, after the rest.
        extends: true,
        test: {
          ...shared,
          name: "process",
          include: ["{packages,apps}/*/test/**/*.process.test.ts", "test/**/*.process.test.ts"],
          exclude: ["**/node_modules/**"],
          fileParallelism: false,
          testTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
