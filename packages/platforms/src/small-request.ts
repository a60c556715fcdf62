import { Agent, request } from "node:http";

/** One request to a service of the machine itself. */
export interface SmallRequest {
  readonly url: URL;
  readonly method: "GET" | "PUT";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** From the connection to the end of the response. */
  readonly timeoutMs: number;
  /** Ends the request. */
  readonly signal: AbortSignal;
}

/** Its response. Redirects are not followed. */
export interface SmallResponse {
  readonly status: number;
  readonly body: string;
}

const MAX_BODY_BYTES = 16_384;
/** An agent of its own: the global one may send requests to a proxy, which must see neither the token nor the question. */
const direct = new Agent();

/**
 * Sends one request. Rejects if the response does not end within the limit, if its body is longer than 16 KiB, and when the
 * signal is aborted.
 */
export async function sendSmall({
  url,
  method,
  headers,
  body,
  timeoutMs,
  signal,
}: SmallRequest): Promise<SmallResponse> {
  const ended = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { ...headers }, agent: direct, signal: ended }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BODY_BYTES) sent.destroy(new Error(`the response is longer than ${MAX_BODY_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
      );
      response.once("error", reject);
    });
    sent.once("error", (error) => {
      reject(ended.aborted && !signal.aborted ? new Error(`no response within ${timeoutMs} ms`) : error);
    });
    sent.end(body);
  });
}
