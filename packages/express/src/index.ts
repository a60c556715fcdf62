import type { IncomingMessage } from "node:http";
import { type NodeDoor, type NodeListener, nodeListener } from "@waybill/http/node";

export { keepRawBody } from "@waybill/http/node";

/**
 * A door as Express middleware. Whether receiver, relay or ingress, it takes the requests that are for it and passes
 * on all others untouched, so it may stand in front of anything. Mount it before body parsers; or give those `verify:
 * keepRawBody`. The path is counted from the root, whatever it is mounted at: `app.use("/work", waybill(receiver))`.
 */
export function waybill(door: NodeDoor): NodeListener {
  return nodeListener(door, originalUrl);
}

/** Express takes the path it is mounted at off `url`. */
function originalUrl(request: IncomingMessage): string {
  return "originalUrl" in request ? String(request.originalUrl) : (request.url ?? "/");
}
