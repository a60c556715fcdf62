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
  const message = `${target.shown} ${found}`;
  if (!provesLife(reply)) {
    const remedy = "start the application; until then its jobs wait in their queue";
    return { check: "receiver.answers", severity: "failure", message, remedy };
  }
  // A receiver of ours responds to a HEAD with 405. Other servers may have no HEAD at a path that accepts a POST.
  if (reply.kind === "responded" && reply.status === 404) {
    const remedy =
      "compare the path with the receiver's; it is right if the application has no HEAD there and accepts a POST";
    return { check: "receiver.answers", severity: "warning", message, remedy };
  }
  return { check: "receiver.answers", severity: "ok", message, remedy: null };
}
