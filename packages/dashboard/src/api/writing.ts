import type { Jobs } from "@waybill/core";
import type { Input } from "./input.ts";

/** One change that is asked for. */
export interface Writing {
  readonly jobs: Jobs;
  readonly input: Input;
  readonly redact: readonly (readonly string[])[];
}
