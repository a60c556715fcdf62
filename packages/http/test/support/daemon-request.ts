import { keyRing, newId, newSecret } from "@waybill/core";
import { serialiseEnvelope, signatureFor } from "@waybill/core/endpoint";

export const keys: ReturnType<typeof keyRing> = keyRing(newSecret());

/** What the daemon knows of a message. */
export interface DaemonMessage {
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** Message attributes, which become headers. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly receiveCount?: number;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The headers of a message, as the daemon sends them. */
export function daemonHeaders({
  attributes = {},
  receiveCount = 1,
  headers = {},
}: DaemonMessage): Record<string, string> {
  const named = Object.entries(attributes).map(([name, value]) => [`X-Aws-Sqsd-Attr-${name}`, value] as const);
  return {
    "user-agent": "aws-sqsd/3.0.4",
    "content-type": "application/json",
    "X-Aws-Sqsd-Msgid": "6a1bfbf4-2f16-4b4d-8f6e-2cba0c6bb1f6",
    "X-Aws-Sqsd-Queue": "shop-default",
    "X-Aws-Sqsd-Receive-Count": String(receiveCount),
    "X-Aws-Sqsd-First-Received-At": "2026-11-25T22:00:00Z",
    ...Object.fromEntries(named),
    ...headers,
  };
}

/** The daemon's POST of a message. */
export function daemonRequest(message: DaemonMessage): Request {
  const { body, path = "/work" } = message;
  return new Request(`http://localhost${path}`, { method: "POST", headers: daemonHeaders(message), body });
}

/** A periodic task's POST: no body, no signature. */
export function tickRequest(task: string, path: string, scheduledAt: string | null, body = ""): Request {
  const headers = {
    "X-Aws-Sqsd-Taskname": task,
    "X-Aws-Sqsd-Path": path,
    ...(scheduledAt !== null && { "X-Aws-Sqsd-Scheduled-At": scheduledAt }),
  };
  return daemonRequest({ body, path, headers });
}

export function envelope(type: string, payload: Readonly<Record<string, string>> = {}, id: string = newId()): string {
  return serialiseEnvelope({ spec: "waybill/1", id, type, args: [payload] });
}

/** The attributes that `@waybill/sqs` writes beside a signed envelope. */
export function signedAttributes(body: string, id: string = idIn(body), by = keys): Record<string, string> {
  const { timestamp, value } = signatureFor(by, id, body);
  return {
    "waybill-id": id,
    "waybill-type": typeIn(body),
    "webhook-timestamp": String(timestamp),
    "webhook-signature": value,
  };
}

export const idIn = (body: string): string => (JSON.parse(body) as { id: string }).id;
const typeIn = (body: string): string => (JSON.parse(body) as { type: string }).type;
