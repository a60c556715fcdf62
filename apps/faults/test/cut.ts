import { type FaultTarget, targets } from "../src/backends.ts";

/** Whether the scenarios run in full, on every backend they are made for: FAULTS=full. Otherwise a cut of them runs. */
export const isFull = process.env["FAULTS"] === "full";

/** The backends of a scenario: these, and in the full run every one. */
export const cutTo = (...names: readonly string[]): FaultTarget[] =>
  targets.filter(({ name }) => isFull || names.includes(name));
