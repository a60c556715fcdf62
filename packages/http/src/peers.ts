import { BlockList, isIP } from "node:net";
import { WaybillError } from "@waybill/core";

/**
 * Who may connect, besides what they sign: an address proves nothing behind a proxy, where every peer is the proxy. Each
 * rule is "unix", an address, or a range such as "10.0.0.0/8". Headers such as X-Forwarded-For are never read.
 */
export function peerRule(allowed: readonly string[] | undefined): (peer: string | null) => boolean {
  if (allowed === undefined) return () => true;
  const ranges = new BlockList();
  for (const rule of allowed) if (rule !== "unix") add(ranges, rule);
  return (peer) => {
    if (peer === null || peer === "unix") return peer === "unix" && allowed.includes("unix");
    const address = plain(peer);
    const family = isIP(address);
    return family !== 0 && ranges.check(address, family === 4 ? "ipv4" : "ipv6");
  };
}

/** An IPv4 address by way of an IPv6 socket is the IPv4 address. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "");

/** To the letter: what `Number` makes a 0 of, as of nothing, would let everybody in. */
const RULE = /^([^/]+)(?:\/(\d{1,3}))?$/;

function add(ranges: BlockList, rule: string): void {
  const [, address = "", bits] = RULE.exec(rule) ?? [];
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  const prefix = Number(bits ?? most);
  if (family === 0 || prefix > most) {
    throw new WaybillError(
      "CONFIG_INVALID",
      `allowPeers has "${rule}": use "unix", an address, or a range as 10.0.0.0/8`,
    );
  }
  ranges.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
}
