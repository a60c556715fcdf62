import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Target } from "./target.ts";

/** The result of one request. */
export type Reply =
  | {
      readonly kind: "responded";
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      /** The beginning of the body, at most 64 KiB. */
      readonly body: string;
      /** False: the connection closed before the end of the body. */
      readonly whole: boolean;
    }
  /** No connection could be made, so nothing was sent. */
  | { readonly kind: "unreachable"; readonly message: string }
  /** The request was sent and no response came: whether the receiver has processed it is unknown. */
  | { readonly kind: "no_response"; readonly message: string };

/** One request to send, and its time limits in milliseconds. */
export interface Exchange {
  readonly target: Target;
  readonly method: "POST" | "HEAD";
  readonly headers: OutgoingHttpHeaders;
  /** Written together with the headers. */
  readonly body: string | null;
  /** Includes the DNS lookup and the TLS handshake. */
  readonly connectTimeoutMs: number;
  /** False: on a new connection, because the job may have ended the process behind the last one. */
  readonly reuse: boolean;
  /** From the connection to the end of the response. */
  readonly inactivityTimeoutMs: number;
  /** Closes the connection; `exchange` rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

const MAX_BODY_BYTES = 65_536;
/** A receiver's headers contain the outcome; its body contains only the reason, and is not waited for longer. */
const BODY_WAIT_MS = 5_000;
/** A reused connection that fails this soon was closed by the server while it was idle. */
const STALE_WITHIN_MS = 1_000;
/** In every response of a receiver that is about a job. */
export const OUTCOME_HEADER = "waybill-outcome";

/**
 * Sends one request and returns its response. Redirects are not followed. If a reused connection was closed by the server
 * while it was idle, the request is sent once more on a new one. Rejects only when `signal` aborts.
 */
export async function exchange(options: Exchange): Promise<Reply> {
  const first = await attempt(options, options.reuse);
  if (first !== "stale") return first;
  const second = await attempt(options, false);
  if (second !== "stale" && second.kind !== "unreachable") return second;
  // The server has gone. The request itself may have ended it.
  return { kind: "no_response", message: "the connection closed without an answer, and no other could be made" };
}

function attempt(options: Exchange, reuse: boolean): Promise<Reply | "stale"> {
  const { target, method, headers, body, connectTimeoutMs, inactivityTimeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    let isConnected = false;
    let connectedAt = 0;
    let isOver = false;
    let head: IncomingMessage | null = null;
    const chunks: Buffer[] = [];
    // Throws for a value that no header can contain; nothing has been sent then.
    const request = target.open({ method, headers }, reuse);
    let timer = setTimeout(() => stop(`no connection within ${connectTimeoutMs} ms`), connectTimeoutMs);

    function over(settle: () => void): void {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      settle();
    }
    function responded(response: IncomingMessage, whole: boolean): void {
      const { statusCode: status = 0, headers: fields } = response;
      const text = Buffer.concat(chunks).toString("utf8");
      over(() => resolve({ kind: "responded", status, headers: fields, body: text, whole }));
    }
    function broken(message: string): void {
      if (head !== null) responded(head, false);
      else over(() => resolve({ kind: isConnected ? "no_response" : "unreachable", message }));
    }
    function stop(message: string): void {
      broken(message);
      request.destroy();
    }
    function onAbort(): void {
      over(() => reject(signal.reason as Error));
      request.destroy();
    }
    function connected(): void {
      isConnected = true;
      connectedAt = performance.now();
      clearTimeout(timer);
      timer = setTimeout(() => stop(`no answer within ${inactivityTimeoutMs} ms`), inactivityTimeoutMs);
    }

    signal.addEventListener("abort", onAbort, { once: true });
    request.on("socket", (socket) => {
      if (request.reusedSocket || (!target.secure && !socket.connecting)) connected();
      else socket.once(target.secure ? "secureConnect" : "connect", connected);
    });
    request.on("response", (response) => {
      head = response;
      if (response.headers[OUTCOME_HEADER] !== undefined) {
        clearTimeout(timer);
        timer = setTimeout(() => stop("the body is late"), BODY_WAIT_MS);
      }
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= MAX_BODY_BYTES) return chunks.push(chunk);
        responded(response, true);
        return request.destroy();
      });
      response.on("end", () => responded(response, true));
      response.on("error", () => broken("the answer broke off"));
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      const isSoon = performance.now() - connectedAt < STALE_WITHIN_MS;
      if (request.reusedSocket && isConnected && head === null && isSoon) over(() => resolve("stale"));
      // A server that does not speak HTTP has not run the job. A response that begins as HTTP may be about the job.
      if (error.code === "HPE_INVALID_CONSTANT") isConnected = false;
      broken(messageOf(error));
    });
    request.on("close", () => broken("the connection closed without an answer"));
    request.end(body ?? undefined);
    return undefined;
  });
}

/** An error of a host with several addresses contains one error per address. */
function messageOf(error: NodeJS.ErrnoException & { readonly errors?: readonly Error[] }): string {
  const [first] = error.errors ?? [];
  const message = error.message || first?.message || error.code || error.name;
  return error.code !== undefined && !message.includes(error.code) ? `${message} (${error.code})` : message;
}
