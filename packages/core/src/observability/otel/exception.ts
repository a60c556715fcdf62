import type { Exception } from "@opentelemetry/api";
import { errorCode, errorMessage, errorStack } from "../../values/thrown.ts";

/** Returns an error for a span. Never throws; cuts the texts to the lengths of a reason and a stack. */
export function exceptionOf(error: Error): Exception {
  const stack = errorStack(error);
  return { name: errorCode(error), message: errorMessage(error), ...(stack !== null && { stack }) };
}
