/** The instrumentation scope of our spans and instruments. */
export const SCOPE = "@waybill/core";
