import { hash } from "node:crypto";
import {
  DeadLetter,
  defineJob,
  type Flow,
  type FlowMember,
  type FlowMemberState,
  type FlowWhen,
  type JobContext,
} from "@waybill/core";

/** One member of a flow of this scenario. */
export interface Step {
  /** Of the flow. */
  readonly flow: number;
  /** Of the member. */
  readonly at: number;
  readonly dies: boolean;
}

interface Place {
  readonly after: readonly number[];
  readonly when: FlowWhen;
}

const WIDTH = 20;

/** One first member, 20 after it, 20 each after two of those, and one after all of these: a depth of four. */
export const places: readonly Place[] = [
  { after: [], when: "completed" },
  ...range(WIDTH).map((): Place => ({ after: [0], when: "ended" })),
  ...range(WIDTH).map((n): Place => ({
    after: [1 + n, 1 + ((n + 1) % WIDTH)],
    when: n % 2 === 0 ? "completed" : "ended",
  })),
  { after: range(WIDTH).map((n) => 1 + WIDTH + n), when: "ended" },
];

/** A tenth of the members dies, the same ones in every process. */
export const dies = (flow: number, at: number): boolean =>
  Number.parseInt(hash("sha256", `${flow}/${at}`, "hex").slice(0, 8), 16) % 10 === 0;

export const idOf = (flow: number): readonly (string | number)[] => ["faults", flow];

export const flowStep = defineJob<Step>({ type: "flow.step", retry: { maxAttempts: 1 } });

/** Adds the members of a flow. */
export function addMembers(flow: Flow, number: number): readonly FlowMember[] {
  const members: FlowMember[] = [];
  for (const [at, { after, when }] of places.entries()) {
    const before = after.map((one) => members[one] as FlowMember);
    members.push(flow.add(flowStep, { flow: number, at, dies: dies(number, at) }, { after: before, when }));
  }
  return members;
}

/** How each member must end. */
export function expectedStates(flow: number): readonly FlowMemberState[] {
  const states: FlowMemberState[] = [];
  for (const [at, { after, when }] of places.entries()) {
    const isStarted = when === "ended" || after.every((one) => states[one] === "completed");
    states.push(!isStarted ? "dependency_dead" : dies(flow, at) ? "dead" : "completed");
  }
  return states;
}

export async function runStep(
  step: Step,
  { id }: JobContext,
  write: (what: "start" | "end", step: Step, id: string) => void,
): Promise<void> {
  write("start", step, id);
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
  write("end", step, id);
  if (step.dies) throw new DeadLetter("it was to die");
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}
