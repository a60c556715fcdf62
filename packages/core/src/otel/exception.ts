import type { Exception } from "@opentelemetry/api";
import { errorCode, errorMessage, errorStack } from "../thrown.ts";

/** An error as a span records it: read without throwing, and no longer than a reason or a stack may be. */
export function exceptionOf(error: Error): Exception {
  const stack = errorStack(error);
  return { name: errorCode(error), message: errorMessage(error), ...(stack !== null && { stack }) };
}
