import { Refusal } from "../refusal.ts";

/** Names of this machine. A page elsewhere that points its own name at 127.0.0.1 still sends its own name. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;
/** A proxy adds one of these: the sender may be on another machine. */
const BY_PROXY = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/** Throws a refusal for a request whose Host is not one that is served. */
export function assertHost(request: Request, hosts: ReadonlySet<string> | null, isLoopbackOnly: boolean): void {
  const host = hostOf(request);
  if (hosts !== null && !hosts.has(host)) {
    throw new Refusal(421, "HOST_REFUSED", `the host ${JSON.stringify(host)} is not served here: add it to "hosts"`);
  }
  if (!isLoopbackOnly) return;
  const proxy = BY_PROXY.find((name) => request.headers.has(name));
  if (LOOPBACK.test(host) && proxy === undefined) return;
  const found =
    proxy === undefined ? `this request is for ${JSON.stringify(host)}` : `this one has the header "${proxy}"`;
  throw new Refusal(403, "NOT_LOOPBACK", `without "auth" the dashboard serves this machine alone, and ${found}`);
}

/** Returns the host with its port, in lower case. */
export function hostOf(request: Request): string {
  return (request.headers.get("host") ?? new URL(request.url).host).toLowerCase();
}
