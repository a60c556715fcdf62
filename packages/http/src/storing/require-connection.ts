import { type Producer, WaybillError } from "@waybill/core";

/**
 * Returns `to` if it is a connection. Throws `CONFIG_INVALID` for anything else: no request could be stored. The error does
 * not show a text, because a URL may contain a password.
 */
export function requireConnection(to: Producer, endpoint: "relay" | "ingress"): Producer {
  const given: Partial<Producer> | null | undefined = typeof to === "object" ? to : null;
  const events = given?.events;
  const hasEvents = typeof events?.emit === "function" && typeof events.has === "function";
  if (hasEvents && typeof given?.enqueueBody === "function") return to;
  const what = to instanceof Promise ? "a promise" : `no connection (${to === null ? "null" : typeof to})`;
  throw new WaybillError(
    "CONFIG_INVALID",
    `the \`to\` of this ${endpoint} is ${what}: give what \`await connect(url)\` or \`await connectProducer(url)\` returns`,
  );
}
