import type { IncomingMessage } from "node:http";
import type { NodeDoor } from "./listener.ts";

/**
 * Warns once of a signed request that came by way of a place where the door's own path cannot be: the application will
 * answer 404. Frameworks that mount say where in `baseUrl`; it may be a pattern, of which nothing is said.
 */
export function mountWarning({ path }: NodeDoor): (request: IncomingMessage) => void {
  let hasWarned = false;
  return (request) => {
    const at = "baseUrl" in request ? String(request.baseUrl) : "";
    const isSigned = request.method === "POST" && request.headers["webhook-signature"] !== undefined;
    if (hasWarned || !isSigned || path === undefined || !/^[\w./~-]*$/.test(at) || isBelow(at, path)) return;
    hasWarned = true;
    process.emitWarning(
      `a signed request came to a door that is mounted at "${at}", but its path is "${path}", counted from the root: ` +
        `give the door \`path: "${at}"\`, or mount it at "${path}"`,
      "WaybillWarning",
    );
  };
}

/** Without regard to case, as Express takes paths. */
function isBelow(mount: string, path: string): boolean {
  return `${path}/`.toLowerCase().startsWith(`${mount}/`.toLowerCase());
}
