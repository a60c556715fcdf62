import { SQSClient, type SQSClientConfig } from "@aws-sdk/client-sqs";
import { WaybillError } from "@waybill/core";
import { member } from "@waybill/core/backend";
import type { Settings } from "../options.ts";

/** `send` of the SDK's client, for any command. */
export type Send = SQSClient["send"];

export interface Client {
  readonly send: Send;
  /** Closes the sockets, except those of the user's client. */
  destroy(): void;
}

/** Limit of one call, the SDK's retries included. A poll may take as long as it waits, and this much more. */
export const REQUEST_TIMEOUT_MS = 8_000;

export function createClient(settings: Settings): Client {
  const { client } = settings;
  if (client !== null) return { send: withTimeLimit(client, REQUEST_TIMEOUT_MS), destroy: () => undefined };
  const own = new SQSClient(configOf(settings));
  return { send: own.send.bind(own), destroy: () => own.destroy() };
}

function configOf({ credentials, endpoint, region, md5, tls }: Settings): SQSClientConfig {
  const used = credentials ?? (endpoint !== null && isLocal(endpoint) ? placeholderCredentials() : null);
  return {
    region,
    // Always set here: an endpoint from the environment is used by the SDK for some calls only.
    ...(endpoint !== null && { endpoint }),
    ...(used && { credentials: used }),
    ...(!md5 && { md5: false as const }),
    requestHandler: {
      connectionTimeout: 3_000,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      // Each poll occupies a socket for seconds. With the default of 50, acks would wait for polls.
      httpAgent: { maxSockets: 256, keepAlive: true },
      httpsAgent: { maxSockets: 256, keepAlive: true, ...tls },
    },
  };
}

const isLocal = (endpoint: string): boolean =>
  /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(endpoint).hostname);

/** A local copy of SQS checks no credentials, and the AWS chain would search for some for seconds. */
function placeholderCredentials(): Settings["credentials"] {
  if (process.env["AWS_ACCESS_KEY_ID"] !== undefined || process.env["AWS_PROFILE"] !== undefined) return null;
  return { accessKeyId: "local", secretAccessKey: "local" };
}

/**
 * Returns `send` of the user's client, which may be configured in any way, with a time limit: the call's
 * `requestTimeout`, or else `limitMs`. Rejects BACKEND_UNAVAILABLE after that, and for a response that is no object.
 */
export function withTimeLimit(client: SQSClient, limitMs: number): Send {
  async function send(command: unknown, options?: object): Promise<unknown> {
    const asked = member(options, "requestTimeout");
    const forMs = typeof asked === "number" ? asked : limitMs;
    const late = new AbortController();
    const call = (async (): Promise<unknown> =>
      Reflect.apply(client.send, client, [command, { ...options, abortSignal: late.signal }]))();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        late.abort();
        reject(unavailable(`\`send\` of the \`client\` option did not settle within ${forMs} ms`));
      }, forMs);
    });
    const output = await Promise.race([call, timeout]).finally(() => clearTimeout(timer));
    if (typeof output === "object" && output !== null) return output;
    throw unavailable("`send` of the `client` option resolved without a response of SQS");
  }
  return send as Send;
}

const unavailable = (text: string): WaybillError => new WaybillError("BACKEND_UNAVAILABLE", text);
