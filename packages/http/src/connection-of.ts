import { type Jobs, WaybillError } from "@waybill/core";

/**
 * Returns `to` if it is a connection. Throws `CONFIG_INVALID` for anything else, which no request could be stored in. Shows
 * no text: a URL may hold a password.
 */
export function connectionOf(to: Jobs, endpoint: "relay" | "ingress"): Jobs {
  const given: Partial<Jobs> | null | undefined = typeof to === "object" ? to : null;
  const events = given?.events;
  const hears = typeof events?.emit === "function" && typeof events.has === "function";
  if (hears && typeof given?.enqueueBody === "function") return to;
  const what = to instanceof Promise ? "a promise" : `no connection (${to === null ? "null" : typeof to})`;
  throw new WaybillError(
    "CONFIG_INVALID",
    `the \`to\` of this ${endpoint} is ${what}: give what \`await connect(url)\` returns`,
  );
}
