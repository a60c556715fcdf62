export type { Missed, Overlap, Schedule, ScheduleOptions, Timing } from "./define-schedule.ts";
export { assertSchedules, defineSchedule } from "./define-schedule.ts";
export type { MakeTemplate } from "./prepare.ts";
export type { ScheduleCalls, StoredSchedule } from "./schedule-calls.ts";
export type { LastRun } from "./schedule-state.ts";
