import type { Finding } from "@waybill/core";
import { exchange } from "./http-exchange.ts";
import { provesLife } from "./settlement.ts";
import { targetOf } from "./target.ts";

/**
 * Checks whether an application responds at the URL a sender would post to. Sends a HEAD, which runs nothing and verifies no
 * key. Throws `CONFIG_INVALID` for a URL that cannot be posted to.
 */
export async function examineReceiver(to: string, timeoutMs: number): Promise<Finding> {
  const target = targetOf(to);
  const limits = { connectTimeoutMs: timeoutMs, inactivityTimeoutMs: timeoutMs, signal: new AbortController().signal };
  const reply = await exchange({ target, method: "HEAD", headers: {}, body: null, reuse: false, ...limits });
  const found = reply.kind === "responded" ? `answers ${reply.status}` : `does not answer: ${reply.message}`;
  const alive = provesLife(reply);
  return {
    check: "receiver.answers",
    severity: alive ? "ok" : "failure",
    message: `${target.shown} ${found}`,
    remedy: alive ? null : "start the application; until then its jobs wait in their queue",
  };
}
