import { SQSClient, type SQSClientConfig } from "@aws-sdk/client-sqs";
import { guarded } from "./handed-in.ts";
import type { Settings, SqsOptions } from "./options.ts";

/** A call of the SDK with a deadline of its own: `send` of the client, whatever the command. */
export type Send = SQSClient["send"];

export interface Client {
  readonly send: Send;
  /** Cuts what is still under way, unless the client was handed in. */
  destroy(): void;
}

/** A call that is not answered by then has failed; the SDK tries again a little later. */
export const REQUEST_TIMEOUT_MS = 8_000;

export function createClient(settings: Settings): Client {
  const { client: given, endpoint, region, md5 } = settings;
  const client = given ?? new SQSClient(configOf(settings));
  return {
    send: given === null ? client.send.bind(client) : guarded(given, REQUEST_TIMEOUT_MS),
    destroy() {
      if (given === null) client.destroy();
    },
  };

  function configOf({ credentials }: Settings): SQSClientConfig {
    const made = credentials ?? (endpoint !== null && isHere(endpoint) ? inventedCredentials() : null);
    return {
      region,
      // Always said here: found in the environment, the SDK would use it for some calls only.
      ...(endpoint !== null && { endpoint }),
      ...(made && { credentials: made }),
      ...(!md5 && { md5: false as const }),
      requestHandler: {
        connectionTimeout: 3_000,
        requestTimeout: REQUEST_TIMEOUT_MS,
        throwOnRequestTimeout: true,
        // Every poll holds a socket for seconds; the usual 50 would make acks wait behind them.
        httpAgent: { maxSockets: 256, keepAlive: true },
        httpsAgent: { maxSockets: 256, keepAlive: true },
      },
    };
  }
}

function isHere(endpoint: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(endpoint).hostname);
}

/** A copy of SQS on this machine asks for no real ones, and the chain would look for them for seconds. */
function inventedCredentials(): SqsOptions["credentials"] | null {
  if (process.env["AWS_ACCESS_KEY_ID"] !== undefined || process.env["AWS_PROFILE"] !== undefined) return null;
  return { accessKeyId: "local", secretAccessKey: "local" };
}
