import type { IncomingMessage, ServerResponse } from "node:http";
import { describeError, WaybillError } from "@waybill/core";
import { describeValue } from "@waybill/core/backend";
import { warn } from "@waybill/core/endpoint";
import type { PushRequest } from "../push/push-request.ts";
import type { PushResponse } from "../push/push-response.ts";
import { mountWarning } from "./mount-warning.ts";
import type { NodeEndpoint } from "./node-endpoint.ts";
import { isRewritten, readBody } from "./request-body.ts";
import { whenClosed } from "./response-closed.ts";

/** A listener for `createServer`, and middleware for frameworks that call `next` for other requests. */
export type NodeListener = (request: IncomingMessage, response: ServerResponse, next?: () => void) => void;

/**
 * Returns an endpoint as a listener of `node:http`. It handles the requests that are for the endpoint and calls `next` for
 * all others; without `next` the endpoint responds to those too, mostly with 404. `pathOf` returns the path from the root,
 * for frameworks that remove a prefix from `url`. Throws `CONFIG_INVALID` for a value that is no endpoint.
 */
export function nodeListener(
  endpoint: NodeEndpoint,
  pathOf: (request: IncomingMessage) => string = ({ url = "/" }) => url,
): NodeListener {
  if (typeof endpoint?.matches !== "function" || typeof endpoint.receive !== "function") {
    const given = describeValue(endpoint);
    throw new WaybillError("CONFIG_INVALID", `the endpoint to mount is ${given}: pass what createReceiver(…) returned`);
  }
  const warnOfMount = mountWarning(endpoint);
  return (request, response, next) => {
    warnOfMount(request);
    const { method = "", headers } = request;
    const path = withoutQuery(pathOf(request));
    if (next && !matches(endpoint, { method, path, headers })) return next();
    let isResponded = false;
    const push: PushRequest = {
      method,
      path,
      headers,
      peer: peerOf(request),
      rewritten: isRewritten(request),
      read: (maxBytes, timeoutMs, transfer) => readBody(request, maxBytes, timeoutMs, transfer),
      onDisconnect(listener) {
        whenClosed(response, request.socket, () => void (isResponded || listener()));
      },
    };
    const onResponse = (): void => void (isResponded = true);
    respond(endpoint, push, response, onResponse).catch((thrown: unknown) => fail(response, thrown));
    return undefined;
  };
}

/** An endpoint from another package may throw here, which would end the process. Its request then gets a 500. */
function matches(endpoint: NodeEndpoint, request: Pick<PushRequest, "method" | "path" | "headers">): boolean {
  try {
    return endpoint.matches(request);
  } catch {
    return true;
  }
}

async function respond(
  endpoint: NodeEndpoint,
  request: PushRequest,
  response: ServerResponse,
  onResponse: () => void,
): Promise<void> {
  const result = await endpoint.receive(request);
  onResponse();
  write(response, result);
}

/** Never throws: no caller could catch it. */
function fail(response: ServerResponse, thrown: unknown): void {
  warn(`an endpoint failed, and its request gets a 500: ${describeError(thrown)}`);
  if (response.headersSent || response.destroyed) response.destroy();
  else response.writeHead(500, { connection: "close", "content-length": 0 }).end();
}

/** Writes nothing if another middleware has responded, such as one with a time limit, or if the connection is closed. */
function write(response: ServerResponse, { status, headers, body }: PushResponse): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
}

/** A socket of the file system has no address. */
function peerOf({ socket }: IncomingMessage): string | null {
  if (socket.remoteAddress !== undefined) return socket.remoteAddress;
  return socket.destroyed ? null : "unix";
}

function withoutQuery(url: string): string {
  const at = url.indexOf("?");
  return at === -1 ? url : url.slice(0, at);
}
