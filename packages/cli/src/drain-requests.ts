import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Worker } from "@waybill/core";
import { isLoopback, isLoopbackName } from "./serve.ts";

/** The header that a request to drain must have: no page in a browser can send it, nor can most proxies be made to. */
const HEADER = "waybill-drain";

export interface DrainRequests {
  respond(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Resolves once every request that has stopped the workers has its response, after 1 s at the latest. */
  ended(): Promise<unknown>;
}

/**
 * `POST /drain` stops the workers as the first signal does, and responds once they have stopped: a preStop hook that waits for it
 * lets Kubernetes send SIGTERM only then. It is accepted from this machine alone, which in a pod are its own containers, also where the
 * port listens on every address.
 */
export function drainRequests(workers: readonly Worker[]): DrainRequests {
  const open = new Set<Promise<unknown>>();

  function refusal({ method, headers, socket }: IncomingMessage): readonly [status: number, text: string] | null {
    if (method !== "POST") return [405, "use POST"];
    const peer = socket.remoteAddress?.replace(/^::ffff:/, "") ?? "";
    if (!isLoopback(peer) || !isLoopbackName(headers.host ?? "")) return [403, "only from 127.0.0.1, by this address"];
    if (headers[HEADER] === undefined) return [403, `send the header ${HEADER}: 1`];
    return workers.length === 0 ? [503, "starting"] : null;
  }

  return {
    async respond(request, response) {
      const refused = refusal(request);
      const [status, text] = refused ?? [200, "stopped"];
      if (refused === null) {
        const written = once(response, "close");
        open.add(written);
        await Promise.all(workers.map(stopOnce));
        void written.finally(() => open.delete(written));
      }
      const headers = { "content-type": "text/plain; charset=utf-8", connection: "close" };
      response.writeHead(status, status === 405 ? { ...headers, allow: "POST" } : headers).end(`${text}\n`);
    },
    async ended() {
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise((resolve) => (timer = setTimeout(resolve, 1_000)));
      await Promise.race([Promise.all(open), limit]);
      clearTimeout(timer);
    },
  };
}

const stopping = new WeakMap<Worker, Promise<unknown>>();

/** A second request waits: only a second signal forces the end. */
function stopOnce(worker: Worker): Promise<unknown> {
  const stopped = stopping.get(worker) ?? worker.stop("DRAIN");
  stopping.set(worker, stopped);
  return stopped;
}
