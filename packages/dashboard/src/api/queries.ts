export type { DeadLetterQuery } from "@waybill/core";
export type { JobQuery } from "@waybill/core/backend";
