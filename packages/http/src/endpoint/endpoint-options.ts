import { type Duration, WaybillError } from "@waybill/core";
import { describeValue } from "@waybill/core/backend";
import type { Carrier } from "../push/carrier.ts";

/** Options of a receiver, a relay and an ingress alike: where they are mounted and which requests they accept. */
export interface EndpointOptions {
  /** The path of requests, from the root of the server: it includes a prefix that a framework removes. */
  readonly path?: string | undefined;
  /** Largest body that is read, in bytes, wrapper included. Default 2,097,152. An envelope may have 1,048,576. */
  readonly maxBodyBytes?: number | undefined;
  /** A body that is not complete after this time gets 408. Default "10s". */
  readonly bodyTimeout?: Duration | undefined;
  /**
   * IP addresses and ranges that may connect, and "unix", in addition to a signature. Behind a proxy this is the proxy's
   * address. Omitted: any.
   */
  readonly allowIps?: readonly string[] | undefined;
  /**
   * Names that unsigned requests may have in `Host`: "app.internal". Addresses and localhost are always accepted. Signed
   * requests may have any.
   */
  readonly allowHosts?: readonly string[] | undefined;
  /** How far the timestamp of a request signed with `keys` may be from this clock, before and after. Default "5m". */
  readonly tolerance?: Duration | undefined;
}

/** Throws `CONFIG_INVALID` for an option that no endpoint can work with. */
export function checkEndpointOptions(
  options: EndpointOptions & { readonly path: string },
  carriers: readonly Carrier[],
): void {
  const { path, maxBodyBytes, allowIps } = options;
  if (carriers.length === 0) throw configError("no sender is accepted: give `keys` or `carriers`");
  if (!/^\/[^?#\s]*$/.test(path)) {
    throw configError(`path is ${describeValue(path)}: begin it with a slash, and leave out ? and #`);
  }
  if (maxBodyBytes !== undefined && (!Number.isFinite(maxBodyBytes) || maxBodyBytes <= 0)) {
    throw configError(`maxBodyBytes is ${describeValue(maxBodyBytes)}: a number of bytes above 0`);
  }
  const open = carriers.find(({ needsIpAllowlist }) => needsIpAllowlist !== undefined);
  if (open?.needsIpAllowlist !== undefined && allowIps === undefined) throw configError(open.needsIpAllowlist);
  for (const name of ["allowIps", "allowHosts"] as const) {
    if (options[name] === undefined || Array.isArray(options[name])) continue;
    throw configError(`${name} is ${describeValue(options[name])}: pass a list of texts`);
  }
}

function configError(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
