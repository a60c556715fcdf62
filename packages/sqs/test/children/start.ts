import { type Child, childrenOf } from "@waybill/test-servers/fixtures";
import { afterAll } from "vitest";

const startProgram = childrenOf(new URL("run.ts", import.meta.url), afterAll);

/** Starts another process on the same queues. It is killed after the file's tests. */
export function start(role: string, url: string, options: Readonly<Record<string, string | number>> = {}): Child {
  return startProgram([role, url], options);
}
