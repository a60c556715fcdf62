import type { BackendName, DurableTarget } from "../backends.ts";
import type { DefectName } from "../defects/defects.ts";
import { judge, predicted } from "./judge.ts";
import { createContext, type Size } from "./frame/context.ts";
import type { Measured, Scenario } from "./frame/scenario.ts";
import type { Servers } from "./servers.ts";

/** One scenario on one backend, as results.json has it. */
export interface Cell {
  readonly scenario: string;
  readonly backend: BackendName;
  readonly size: Size;
  readonly seed: number;
  readonly verdict: "holds" | "violated";
  readonly accepted: number;
  readonly lost: number;
  readonly duplicated: number;
  /** The most duplicates that are predicted. */
  readonly predicted: number;
  /** Absent where none was measured. */
  readonly takeover?: { readonly count: number; readonly p50Ms: number; readonly maxMs: number };
  readonly exit?: { readonly count: number; readonly maxMs: number };
  readonly seconds: number;
  readonly violations: readonly string[];
}

export interface CellSettings {
  readonly scenario: Scenario;
  readonly target: DurableTarget;
  readonly size: Size;
  readonly seed: number;
  readonly servers: Servers;
  readonly defect?: DefectName;
}

const NOTHING: Measured = { accepted: 0, lost: [], duplicated: 0 };

/** Runs one cell. A scenario that throws is a violation; so is one that leaves something behind that cannot be ended. */
export async function runCell({ scenario, target, size, seed, servers, defect }: CellSettings): Promise<Cell> {
  const began = performance.now();
  const lent = servers.lend(target, scenario.server);
  const { context, end } = createContext({ target, size, seed, defect, server: lent.server });
  const thrown: string[] = [];
  const measured = await scenario.run(context).catch((error: unknown) => {
    thrown.push(said(error));
    return NOTHING;
  });
  const hasFailed = (error: unknown): void => void thrown.push(`after the scenario: ${said(error)}`);
  await end().catch(hasFailed);
  await lent.giveBack(thrown.length === 0).catch(hasFailed);
  const violations = [...thrown, ...judge(scenario, target.name, size, measured)];
  const { takeoversMs = [], exitsMs = [] } = measured;
  return {
    scenario: scenario.name,
    backend: target.name,
    size,
    seed,
    verdict: violations.length === 0 ? "holds" : "violated",
    accepted: measured.accepted,
    lost: measured.lost.length,
    duplicated: measured.duplicated,
    predicted: predicted(scenario, target.name, size, measured),
    ...(takeoversMs.length > 0 && {
      takeover: { count: takeoversMs.length, p50Ms: median(takeoversMs), maxMs: Math.round(Math.max(...takeoversMs)) },
    }),
    ...(exitsMs.length > 0 && { exit: { count: exitsMs.length, maxMs: Math.round(Math.max(...exitsMs)) } }),
    seconds: Math.round((performance.now() - began) / 100) / 10,
    violations,
  };
}

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const median = (values: readonly number[]): number =>
  Math.round(values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0);
