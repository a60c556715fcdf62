import type { IncomingMessage, ServerResponse } from "node:http";
import { describeError } from "@waybill/core";
import { warn } from "@waybill/core/door";
import type { PushAnswer, Push } from "../push.ts";
import { whenClosed } from "./gone.ts";
import { mountWarning } from "./mount.ts";
import { isRewritten, readBody } from "./raw-body.ts";

/** A receiver, a relay or an ingress, as far as `node:http` is concerned. */
export interface NodeDoor {
  /** As a receiver's: whether this request is for us. */
  claims(push: Pick<Push, "method" | "path" | "headers">): boolean;
  /** Counted from the root, wherever the door is mounted. Absent: it looks at more than the path. */
  readonly path?: string;
  /** From a request to its answer. Never rejects. */
  receive(push: Push): Promise<PushAnswer>;
}

/** For `createServer`, and for frameworks that hand on what is not theirs by `next`. */
export type NodeListener = (request: IncomingMessage, response: ServerResponse, next?: () => void) => void;

/**
 * A door as a listener of `node:http`. It takes what the door claims and passes on everything else; without a `next`,
 * the door answers that too, mostly 404. `pathOf` is for frameworks that take a prefix off `url`.
 */
export function nodeListener(
  door: NodeDoor,
  pathOf: (request: IncomingMessage) => string = ({ url = "/" }) => url,
): NodeListener {
  const warnOfMount = mountWarning(door);
  return (request, response, next) => {
    warnOfMount(request);
    const { method = "", headers } = request;
    const path = withoutQuery(pathOf(request));
    if (next && !claims(door, { method, path, headers })) return next();
    let isAnswered = false;
    const push: Push = {
      method,
      path,
      headers,
      peer: peerOf(request),
      rewritten: isRewritten(request),
      read: (maxBytes, timeoutMs, reading) => readBody(request, maxBytes, timeoutMs, reading),
      onGone(listener) {
        whenClosed(response, request.socket, () => void (isAnswered || listener()));
      },
    };
    const answered = (): void => void (isAnswered = true);
    answer(door, push, response, answered).catch((thrown: unknown) => fail(response, thrown));
    return undefined;
  };
}

/** What a door that is not ours throws here would end the process: then the request is its own, to be answered 500. */
function claims(door: NodeDoor, push: Pick<Push, "method" | "path" | "headers">): boolean {
  try {
    return door.claims(push);
  } catch {
    return true;
  }
}

async function answer(door: NodeDoor, push: Push, response: ServerResponse, answered: () => void): Promise<void> {
  const its = await door.receive(push);
  answered();
  write(response, its);
}

/** Never throws: there is nobody who could catch it. */
function fail(response: ServerResponse, thrown: unknown): void {
  warn(`a door failed, and its request is answered 500: ${describeError(thrown)}`);
  if (response.headersSent || response.destroyed) response.destroy();
  else response.writeHead(500, { connection: "close", "content-length": 0 }).end();
}

/** Unless something else has answered meanwhile: a middleware with a time limit, or the sender has gone. */
function write(response: ServerResponse, { status, headers, body }: PushAnswer): void {
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
