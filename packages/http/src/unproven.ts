import { isIP } from "node:net";
import { WaybillError } from "@waybill/core";
import { forbidden } from "./problem.ts";
import { header, type HeaderFields } from "./push.ts";

/** What judges a request that proves nothing of who sent it: an unsigned one, a tick. */
export interface UnprovenRule {
  /** Names in `Host` that are ours, beside addresses and localhost. */
  readonly allowHosts: readonly string[] | undefined;
  /** Null: any peer may send, so a proxy's word for one changes nothing. */
  readonly isAllowed: ((peer: string) => boolean) | null;
}

const NAME = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i;
/** A name or an address, in brackets if it has colons; then a port. */
const HOST = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/;

/**
 * Refuses what a browser sends on behalf of a page, whosever it is, and what a proxy brings from a stranger. A page on the
 * internet can make a browser behind our firewall POST to us: by a form, which is then said in `Origin`, or under a name
 * of its own that has our address, which is then said in `Host`. Throws `CONFIG_INVALID` for what is no name.
 */
export function unprovenRule({ allowHosts = [], isAllowed }: UnprovenRule): (headers: HeaderFields) => void {
  const wrong = allowHosts.find((name) => !NAME.test(name));
  if (wrong !== undefined) {
    throw new WaybillError("CONFIG_INVALID", `allowHosts has "${wrong}": use a name without a port, as "app.internal"`);
  }
  const names = new Set(["localhost", ...allowHosts.map((name) => name.toLowerCase())]);
  return (headers) => {
    const origin = header(headers, "origin");
    if (origin !== null) throw forbidden(`a browser sent it for a page of ${shown(origin)}, and nothing signs it`);
    if (header(headers, "sec-fetch-site") !== null) throw forbidden("a browser sent it, and nothing signs it");
    // HTTP/2 has the second.
    const host = header(headers, "host") ?? header(headers, ":authority");
    if (host !== null && !isOurs(host, names)) {
      throw forbidden(`its Host is ${shown(host)}, which is not in allowHosts, and nothing signs it`);
    }
    const stranger = forwardedFor(headers).find((address) => isAllowed?.(address) === false);
    if (stranger !== undefined)
      throw forbidden(`a proxy brought it from ${shown(stranger)}, which is not in allowPeers`);
  };
}

/** No name that anybody can have point to us: an address is what it says, and "*.localhost" never leaves the machine. */
function isOurs(host: string, names: ReadonlySet<string>): boolean {
  const [, bracketed, plain = ""] = HOST.exec(host) ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  const name = plain.toLowerCase().replace(/\.$/, "");
  return isIP(name) === 4 || names.has(name) || name.endsWith(".localhost");
}

/**
 * Whoever forges the header only adds to those who must be allowed: each proxy adds the address that it saw. An empty
 * element is no address, as in every list of HTTP.
 */
function forwardedFor(headers: HeaderFields): string[] {
  const elements = (header(headers, "x-forwarded-for") ?? "").split(",");
  return elements.map((address) => address.trim()).filter((address) => address !== "");
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
