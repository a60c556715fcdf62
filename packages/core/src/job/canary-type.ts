/** The type of the jobs that a worker with `canary` sends through its queues. Apart, for metrics, which need no schedules. */
export const CANARY_TYPE = "waybill.canary";
