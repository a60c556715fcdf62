import { type Child, childrenOf } from "@waybill/test-servers/fixtures";
import { afterEach } from "vitest";

const startProgram = childrenOf(new URL("run.ts", import.meta.url), afterEach);

/** Another process on the same file; killed after the test if it still runs. */
export function start(role: string, path: string, options: Readonly<Record<string, string | number>> = {}): Child {
  return startProgram([role, path], options);
}
