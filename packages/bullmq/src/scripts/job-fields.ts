/** The fields of a BullMQ job's hash that are waybill's, beside BullMQ's own. */

/** The error of the handler. */
export const ERROR_FIELD = "waybill-error";

/** The unique key of a job: "TERM TYPE KEY". Absent: the job has none. */
export const UNIQUE_FIELD = "waybill-unique";
