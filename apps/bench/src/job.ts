import { defineJob, handlerFor, type JobDefinition } from "@waybill/core";

/** 200 bytes of JSON, the size of a typical payload of ids and options. */
export const payload = { text: "x".repeat(200 - '{"text":""}'.length) } as const;

/** Without a schema: validation is the user's code and differs by library. */
export const noop: JobDefinition = defineJob({ type: "bench.noop", queue: "bench" });

export function noopWith(handler: (payload: unknown) => Promise<void> | void): JobDefinition {
  return handlerFor(noop, handler);
}
