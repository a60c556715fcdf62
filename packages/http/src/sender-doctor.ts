import type { Finding } from "@waybill/core";
import { exchange } from "./sender-request.ts";
import { targetOf } from "./sender-target.ts";
import { provesLife } from "./settlement.ts";

/**
 * Whether an application answers where a sender would post: a HEAD, which runs nothing and proves no key. Throws
 * `CONFIG_INVALID` for a place that is none.
 */
export async function examineReceiver(to: string, timeoutMs: number): Promise<Finding> {
  const target = targetOf(to);
  const limits = { connectTimeoutMs: timeoutMs, inactivityTimeoutMs: timeoutMs, signal: new AbortController().signal };
  const reply = await exchange({ target, method: "HEAD", headers: {}, body: null, reuse: false, ...limits });
  const found = reply.kind === "answered" ? `answers ${reply.status}` : `does not answer: ${reply.message}`;
  const alive = provesLife(reply);
  return {
    check: "receiver.answers",
    severity: alive ? "ok" : "failure",
    message: `${target.shown} ${found}`,
    wayOut: alive ? null : "start the application; until then its jobs wait in their queue",
  };
}
