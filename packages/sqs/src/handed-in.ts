import type { SQSClient } from "@aws-sdk/client-sqs";
import { WaybillError } from "@waybill/core";
import { member } from "@waybill/core/backend";
import type { Send } from "./client.ts";

/**
 * `send` of the user's client, which may do anything: it rejects within the `requestTimeout` of the call, or `limitMs`,
 * and resolves with an object.
 */
export function guarded(client: SQSClient, limitMs: number): Send {
  async function send(command: unknown, options?: object): Promise<unknown> {
    const asked = member(options, "requestTimeout");
    const forMs = typeof asked === "number" ? asked : limitMs;
    const late = new AbortController();
    const work = (async (): Promise<unknown> =>
      Reflect.apply(client.send, client, [command, { ...options, abortSignal: late.signal }]))();
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        late.abort();
        reject(unavailable(`\`send\` of the client that was handed in did not settle within ${forMs} ms`));
      }, forMs);
    });
    const output = await Promise.race([work, silence]).finally(() => clearTimeout(timer));
    if (typeof output === "object" && output !== null) return output;
    throw unavailable("`send` of the client that was handed in resolved with no response of SQS");
  }
  return send as Send;
}

const unavailable = (text: string): WaybillError => new WaybillError("BACKEND_UNAVAILABLE", text);
