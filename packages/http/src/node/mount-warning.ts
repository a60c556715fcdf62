import type { IncomingMessage } from "node:http";
import type { NodeEndpoint } from "./node-endpoint.ts";

/**
 * Returns a function that warns once about a signed request to a mount path below which the endpoint's own path cannot be:
 * the application responds 404. Express has the mount path in `baseUrl`; a pattern there is ignored.
 */
export function mountWarning({ path }: NodeEndpoint): (request: IncomingMessage) => void {
  let hasWarned = false;
  return (request) => {
    const at = "baseUrl" in request ? String(request.baseUrl) : "";
    const isSigned = request.method === "POST" && request.headers["webhook-signature"] !== undefined;
    if (hasWarned || !isSigned || path === undefined || !/^[\w./~-]*$/.test(at) || isBelow(at, path)) return;
    hasWarned = true;
    process.emitWarning(
      `a signed request came to an endpoint that is mounted at "${at}", but its path is "${path}", counted from the ` +
        `root: give the endpoint \`path: "${at}"\`, or mount it at "${path}"`,
      "WaybillWarning",
    );
  };
}

/** Ignores case, as Express does for paths. */
function isBelow(mount: string, path: string): boolean {
  return `${path}/`.toLowerCase().startsWith(`${mount}/`.toLowerCase());
}
