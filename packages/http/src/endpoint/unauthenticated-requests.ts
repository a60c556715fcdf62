import { isIP } from "node:net";
import { WaybillError } from "@waybill/core";
import { forbidden } from "../push/push-refused.ts";
import { header, type HeaderFields } from "../push/push-request.ts";

/** Which unauthenticated requests are accepted: unsigned jobs, and the ticks of periodic tasks. */
export interface UnauthenticatedRequestRule {
  /** Names accepted in `Host`, besides addresses and localhost. */
  readonly allowHosts: readonly string[] | undefined;
  /** Checks each address in `X-Forwarded-For`. Null: every address may send, so the header is not read. */
  readonly isAllowed: ((address: string) => boolean) | null;
}

const NAME = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i;
/** A name or an address, in brackets if it has colons; then a port. */
const HOST = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/;

/**
 * Returns a check that throws `PushRefused` for requests that a browser sends for a web page, and for requests that a proxy
 * forwards from an address that is not allowed. A page on the internet can make a browser inside the firewall POST here:
 * by a form, which shows in `Origin`, or under a name of its own that resolves to this address, which shows in `Host`.
 * Throws `CONFIG_INVALID` for an entry of `allowHosts` that is no name.
 */
export function unauthenticatedRequestRule({
  allowHosts = [],
  isAllowed,
}: UnauthenticatedRequestRule): (headers: HeaderFields) => void {
  const wrong = allowHosts.find((name) => !NAME.test(name));
  if (wrong !== undefined) {
    throw new WaybillError("CONFIG_INVALID", `allowHosts has "${wrong}": use a name without a port, as "app.internal"`);
  }
  const names = new Set(["localhost", ...allowHosts.map((name) => name.toLowerCase())]);
  return (headers) => {
    const origin = header(headers, "origin");
    if (origin !== null) throw forbidden(`an unsigned request came from a browser, for a page of ${shown(origin)}`);
    if (header(headers, "sec-fetch-site") !== null) throw forbidden("an unsigned request came from a browser");
    // HTTP/2 has the second.
    const host = header(headers, "host") ?? header(headers, ":authority");
    if (host !== null && !isAllowedHost(host, names)) {
      throw forbidden(`an unsigned request has the Host ${shown(host)}, which is not in allowHosts`);
    }
    const unknown = forwardedFor(headers).find((address) => isAllowed?.(address) === false);
    if (unknown !== undefined) {
      throw forbidden(`a proxy forwarded an unsigned request from ${shown(unknown)}, which is not in allowIps`);
    }
  };
}

/** Addresses and "*.localhost" are safe: no web page can make another name of them. */
function isAllowedHost(host: string, names: ReadonlySet<string>): boolean {
  const [, bracketed, plain = ""] = HOST.exec(host) ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  const name = plain.toLowerCase().replace(/\.$/, "");
  return isIP(name) === 4 || names.has(name) || name.endsWith(".localhost");
}

/**
 * Returns the addresses in `X-Forwarded-For`. Each proxy appends the address it saw, so a forged header only adds addresses
 * that must be allowed as well. Empty elements are no addresses.
 */
function forwardedFor(headers: HeaderFields): string[] {
  const elements = (header(headers, "x-forwarded-for") ?? "").split(",");
  return elements.map((address) => address.trim()).filter((address) => address !== "");
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
