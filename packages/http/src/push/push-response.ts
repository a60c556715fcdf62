/** The response to a push. It is converted into a framework's response, unchanged. */
export interface PushResponse {
  /** 200 to 599. */
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Returns the response if `node:http` can send it. Throws `TypeError` otherwise: `node:http` would throw later, outside of
 * any request, and end the process.
 */
export function assertValidResponse(response: PushResponse): PushResponse {
  const { status, headers, body } = response;
  if (!Number.isInteger(status) || status < 200 || status > 599) throw new TypeError(`${status} is no status`);
  if (typeof body !== "string") throw new TypeError("the response's body is no text");
  for (const [name, value] of Object.entries(headers)) {
    if (NAME.test(name) && typeof value === "string" && VALUE.test(value)) continue;
    throw new TypeError(`no header can be ${JSON.stringify(`${name}: ${value}`)}`);
  }
  return response;
}

/** Returns true if the job has ended for good: completed, stored or dead. */
export function isFinal({ headers }: PushResponse): boolean {
  const outcome = headers["waybill-outcome"];
  return outcome === "completed" || outcome === "dead";
}
