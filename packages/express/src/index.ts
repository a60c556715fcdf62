import type { IncomingMessage } from "node:http";
import { type NodeDoor, type NodeListener, nodeListener } from "@waybill/http/node";

export { keepRawBody } from "@waybill/http/node";

/**
 * A door as Express middleware. Whether receiver, relay or ingress, it takes the requests that are for it and passes
 * on all others untouched, so it may stand in front of anything. Mount it before body parsers; or give those `verify:
 * keepRawBody`. The path is counted from the root, whatever it is mounted at: `app.use("/work", waybill(receiver))`.
 */
export function waybill(door: NodeDoor): NodeListener {
  const listener = nodeListener(door, originalUrl);
  let hasWarned = false;
  return (request, response, next) => {
    hasWarned ||= warnsOfMount(door, request);
    listener(request, response, next);
  };
}

/** A signed request that came by way of a place where the door's own path cannot be: the application will say 404. */
function warnsOfMount(door: NodeDoor, request: IncomingMessage): boolean {
  const at = "baseUrl" in request ? String(request.baseUrl) : "";
  const path = "path" in door ? String(door.path) : at;
  const isInVain = request.method === "POST" && request.headers["webhook-signature"] !== undefined;
  if (!isInVain || !/^[\w./~-]*$/.test(at) || `${path}/`.toLowerCase().startsWith(`${at}/`.toLowerCase())) return false;
  process.emitWarning(
    `a signed request came to a door that is mounted at "${at}", but its path is "${path}", counted from the root: ` +
      `give the door \`path: "${at}"\`, or mount it at "${path}"`,
    "WaybillWarning",
  );
  return true;
}

/** Express takes the path it is mounted at off `url`. */
function originalUrl(request: IncomingMessage): string {
  return "originalUrl" in request ? String(request.originalUrl) : (request.url ?? "/");
}
