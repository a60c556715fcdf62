/** What the page reads as core has it. */
export type { LiveWorker as WorkerView, StoredSchedule as ScheduleView } from "@waybill/core";
