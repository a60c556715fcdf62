import { type BackendName, type DurableTarget, targets } from "../backends.ts";
import type { Size } from "./frame/context.ts";
import type { Scenario } from "./frame/scenario.ts";
import { scenarios } from "./scenarios.ts";

/** One scenario on one backend, to be run. */
export interface Planned {
  readonly scenario: Scenario;
  readonly target: DurableTarget;
}

export interface CellFilter {
  readonly size: Size;
  /** Absent: all. */
  readonly only?: readonly string[] | undefined;
  readonly backends?: readonly string[] | undefined;
}

/** Returns what is to run. Throws for a name that is not there. */
export function plannedCells({ size, only, backends }: CellFilter): Planned[] {
  known(
    "scenario",
    only,
    scenarios.map(({ name }) => name),
  );
  known(
    "backend",
    backends,
    targets.map(({ name }) => name),
  );
  return scenarios
    .filter(({ name }) => only?.includes(name) ?? true)
    .flatMap((scenario) => targets.map((target) => ({ scenario, target })))
    .filter(({ scenario, target }) => (backends?.includes(target.name) ?? true) && runsOn(scenario, target.name, size));
}

const runsOn = ({ on, cut }: Scenario, backend: BackendName, size: Size): boolean =>
  on[backend] === true && (size === "full" || (cut?.includes(backend) ?? true));

function known(what: string, asked: readonly string[] = [], names: readonly string[]): void {
  for (const one of asked)
    if (!names.includes(one)) throw new Error(`there is no ${what} "${one}"; there are: ${names.join(", ")}`);
}
