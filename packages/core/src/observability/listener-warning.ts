import { describeError } from "../values/thrown.ts";
import { warn } from "../values/warn.ts";

/** Emits a process warning of an error that a listener threw. Never throws. */
export function warnOfListener(event: string, error: unknown): void {
  warn(`a listener of "${event}" threw: ${describeError(error)}`);
}
