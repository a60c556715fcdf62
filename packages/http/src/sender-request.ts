import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Target } from "./sender-target.ts";

/** What came of one request. */
export type Reply =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      /** Its beginning, at most 64 KiB. */
      readonly body: string;
      /** False: it broke off, and the status stood at its head before the end was known. */
      readonly whole: boolean;
    }
  /** No connection, so nothing was sent. */
  | { readonly kind: "unreachable"; readonly message: string }
  /** It was sent, and no answer came: whether anybody took it nobody knows. */
  | { readonly kind: "unanswered"; readonly message: string };

export interface Sending {
  readonly target: Target;
  readonly method: "POST" | "HEAD";
  readonly headers: OutgoingHttpHeaders;
  /** Text, which leaves in one write with its head. */
  readonly body: string | null;
  /** Name look-up and TLS handshake included. */
  readonly connectTimeoutMs: number;
  /** False: on a connection of its own, since the job may be what ended the last one. */
  readonly reuse: boolean;
  /** From the connection to the end of the answer. */
  readonly inactivityTimeoutMs: number;
  /** Breaks the connection, and the call rejects with its reason. */
  readonly signal: AbortSignal;
}

const MOST_BODY_BYTES = 65_536;
/** The head of a receiver's answer says all; the body has only words, and is not waited for long. */
const BODY_WAIT_MS = 5_000;
/** A connection that the server had closed while it was idle says so at once. */
const STALE_WITHIN_MS = 1_000;
/** Set on every answer of ours that is about a job. */
export const OUTCOME_HEADER = "waybill-outcome";

/**
 * One request and its answer; redirects are answers like any other. Where an idle connection turns out to have been
 * closed meanwhile, which a server may do at any moment, the request goes out once more on a fresh one.
 */
export async function exchange(sending: Sending): Promise<Reply> {
  const first = await attempt(sending, sending.reuse);
  if (first !== "stale") return first;
  const second = await attempt(sending, false);
  if (second !== "stale" && second.kind !== "unreachable") return second;
  // Nobody is there any more: perhaps it was the request that ended them.
  return { kind: "unanswered", message: "the connection closed without an answer, and no other could be made" };
}

function attempt(sending: Sending, reuse: boolean): Promise<Reply | "stale"> {
  const { target, method, headers, body, connectTimeoutMs, inactivityTimeoutMs, signal } = sending;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    let isConnected = false;
    let connectedAt = 0;
    let isOver = false;
    let head: IncomingMessage | null = null;
    const chunks: Buffer[] = [];
    // It throws for what no header can hold, and then there is nothing to give up.
    const request = target.open({ method, headers }, reuse);
    let timer = setTimeout(() => giveUp(`no connection within ${connectTimeoutMs} ms`), connectTimeoutMs);

    function over(settle: () => void): void {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      settle();
    }
    function answered(response: IncomingMessage, whole: boolean): void {
      const { statusCode: status = 0, headers: fields } = response;
      const text = Buffer.concat(chunks).toString("utf8");
      over(() => resolve({ kind: "answered", status, headers: fields, body: text, whole }));
    }
    function broken(message: string): void {
      if (head !== null) answered(head, false);
      else over(() => resolve({ kind: isConnected ? "unanswered" : "unreachable", message }));
    }
    function giveUp(message: string): void {
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
      timer = setTimeout(() => giveUp(`no answer within ${inactivityTimeoutMs} ms`), inactivityTimeoutMs);
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
        timer = setTimeout(() => giveUp("the body is late"), BODY_WAIT_MS);
      }
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= MOST_BODY_BYTES) return chunks.push(chunk);
        answered(response, true);
        return request.destroy();
      });
      response.on("end", () => answered(response, true));
      response.on("error", () => broken("the answer broke off"));
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      const isSoon = performance.now() - connectedAt < STALE_WITHIN_MS;
      if (request.reusedSocket && isConnected && head === null && isSoon) over(() => resolve("stale"));
      // Whoever speaks no HTTP has not understood the request either; an answer that begins as one may be a job's.
      if (error.code === "HPE_INVALID_CONSTANT") isConnected = false;
      broken(wordsOf(error));
    });
    request.on("close", () => broken("the connection closed without an answer"));
    request.end(body ?? undefined);
    return undefined;
  });
}

/** A host with several addresses fails with all their errors in one. */
function wordsOf(error: NodeJS.ErrnoException & { readonly errors?: readonly Error[] }): string {
  const [first] = error.errors ?? [];
  const message = error.message || first?.message || error.code || error.name;
  return error.code !== undefined && !message.includes(error.code) ? `${message} (${error.code})` : message;
}
