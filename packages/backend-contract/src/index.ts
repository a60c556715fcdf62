export type { Asked, Bench, Features, ContractCase, Subject } from "./contract-case.ts";
export { contractCases } from "./cases/index.ts";
export type { Arrival, FreshStore, Harness } from "./harness.ts";
export type { CaseResult, RunnerTest } from "./run.ts";
export { runBackendContract, runCase } from "./run.ts";
export type { MatrixColumn } from "./matrix.ts";
export { capabilityMatrix } from "./matrix.ts";
