import { printable } from "./printable.ts";

/** Emits a process warning. By default Node prints it, so it carries nothing that a terminal obeys. Never throws. */
export function warn(text: string): void {
  process.emitWarning(printable(text), "WaybillWarning");
}
