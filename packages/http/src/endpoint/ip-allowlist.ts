import { BlockList, isIP } from "node:net";
import { WaybillError } from "@waybill/core";

/**
 * Returns a check of the address a request came from. Each entry is "unix", an address, or a range such as "10.0.0.0/8".
 * Undefined allows every address. Behind a proxy every request has the proxy's address; headers such as X-Forwarded-For
 * are not read here. Throws `CONFIG_INVALID` for an entry that is none of the three.
 */
export function ipAllowlist(allowIps: readonly string[] | undefined): (peer: string | null) => boolean {
  if (allowIps === undefined) return () => true;
  const ranges = new BlockList();
  for (const entry of allowIps) if (entry !== "unix") add(ranges, entry);
  return (peer) => {
    if (peer === null || peer === "unix") return peer === "unix" && allowIps.includes("unix");
    const address = withoutIpv6Prefix(peer);
    const family = isIP(address);
    return family !== 0 && ranges.check(address, family === 4 ? "ipv4" : "ipv6");
  };
}

/** An IPv6 socket shows an IPv4 address as "::ffff:10.0.0.1". */
const withoutIpv6Prefix = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "");

/** Strict, because `Number("")` is 0, and a prefix of 0 would allow every address. */
const ENTRY = /^([^/]+)(?:\/(\d{1,3}))?$/;

function add(ranges: BlockList, entry: string): void {
  const [, address = "", bits] = ENTRY.exec(entry) ?? [];
  const family = isIP(address);
  const maxPrefix = family === 4 ? 32 : 128;
  const prefix = Number(bits ?? maxPrefix);
  if (family === 0 || prefix > maxPrefix) {
    throw new WaybillError(
      "CONFIG_INVALID",
      `allowIps has "${entry}": use "unix", an address, or a range as 10.0.0.0/8`,
    );
  }
  ranges.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
}
