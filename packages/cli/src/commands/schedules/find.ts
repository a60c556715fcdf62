import type { Jobs, StoredSchedule } from "@waybill/core";
import { CommandError } from "../../exit.ts";

/** Returns the schedule of a name; null for none. */
export async function findSchedule({ schedules }: Jobs, name: string): Promise<StoredSchedule | null> {
  return (await schedules.list()).find((one) => one.name === name) ?? null;
}

/** Throws `NOT_FOUND` for a name without a schedule. */
export async function requireSchedule(jobs: Jobs, name: string): Promise<StoredSchedule> {
  const found = await findSchedule(jobs, name);
  if (found !== null) return found;
  throw new CommandError(
    "NOT_FOUND",
    `there is no schedule called "${name}"; "waybill schedules list" shows those there are`,
  );
}

/** Throws `NOT_CHANGED` for a schedule that a running worker declares: the worker would declare it again. `change`: "changed", "removed". */
export function assertNotDeclared(schedule: StoredSchedule | null, change: string): void {
  if (schedule?.from !== "code") return;
  const { name } = schedule;
  throw new CommandError(
    "NOT_CHANGED",
    `schedule "${name}" is declared by a worker that runs now, and is ${change} in its code; "waybill schedules pause ${name}" stops it`,
  );
}
