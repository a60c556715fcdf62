import { keyRing, newId, newSecret } from "@waybill/core";
import { signatureFor } from "@waybill/core/endpoint";

export const secret: string = newSecret();

/** An envelope written as no `JSON.stringify` would write it: only its very bytes have its signature. */
export function oddlyWritten(type: string, payload: unknown = {}, id: string = newId()): string {
  return `{ "spec": "waybill/1",  "id": "${id}", "type": "${type}", "args": [${JSON.stringify(payload)}] }`;
}

/** POSTs an envelope as our own sender would. */
export function push(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
  signal: AbortSignal | null = null,
): Promise<Response> {
  const { id } = JSON.parse(body) as { id: string };
  const { timestamp, value } = signatureFor(keyRing(secret).requests, id, body);
  return fetch(url, {
    method: "POST",
    body,
    signal,
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": value,
      ...headers,
    },
  });
}
