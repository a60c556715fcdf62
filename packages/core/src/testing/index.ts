export type { InlineOptions } from "./inline.ts";
export { executeInline, runInline } from "./inline.ts";
export type { Simulation, SimulationReport } from "./simulate.ts";
export { simulateCrashes } from "./simulate.ts";
export type { BackendName } from "./likeness.ts";
export type { TestJobs, TestJobsOptions } from "./test-jobs.ts";
export { testJobs } from "./test-jobs.ts";
