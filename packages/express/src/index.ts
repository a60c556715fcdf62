import type { IncomingMessage } from "node:http";
import { type NodeEndpoint, type NodeListener, nodeListener } from "@waybill/http/node";

export { keepRawBody } from "@waybill/http/node";

/**
 * Returns a receiver, a relay or an ingress as Express middleware. It handles the requests that are for the endpoint and
 * calls `next` for all others. Mount it before body parsers, or give those `verify: keepRawBody`. The endpoint's path is
 * counted from the root, wherever it is mounted: `app.use("/work", waybill(receiver))`. Throws `CONFIG_INVALID` for a value
 * that is no endpoint.
 */
export function waybill(endpoint: NodeEndpoint): NodeListener {
  return nodeListener(endpoint, originalUrl);
}

/** Express removes the mount path from `url`. */
function originalUrl(request: IncomingMessage): string {
  return "originalUrl" in request ? String(request.originalUrl) : (request.url ?? "/");
}
