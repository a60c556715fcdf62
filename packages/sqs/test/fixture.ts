import { randomBytes } from "node:crypto";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { Backend } from "@waybill/core/backend";
import { startFauxqsHere, startMoto } from "@waybill/test-servers";
import { closedBy, context } from "@waybill/test-servers/fixtures";
import { afterEach, beforeAll } from "vitest";
import { sqsBackend, type SqsOptions } from "../src/index.ts";

export { admit, context, lease, message } from "@waybill/test-servers/fixtures";

/** The emulator of one test file. */
export interface Emulator {
  /** Set before the first test. */
  readonly endpoint: string;
  /** A client to inspect the queues with. */
  readonly client: SQSClient;
}

export const region = "us-east-1";
export const credentials = { accessKeyId: "test", secretAccessKey: "test" } as const;

/** Only behaviour that both copies of SQS share is assumed of SQS. */
export const emulators = [
  { copy: "fauxqs", start: startFauxqsHere },
  { copy: "moto", start: startMoto },
] as const;

type Start = (typeof emulators)[number]["start"];

/** All files run on the first copy, or on the one that the environment names. */
const chosen = emulators.find(({ copy }) => copy === process.env["WAYBILL_TEST_SQS_COPY"]) ?? emulators[0];

/** For expectations that hold on that copy alone. */
export const isFirstCopy: boolean = chosen === emulators[0];

/** Starts an emulator for a file or a `describe`; call it at its top. */
export function useEmulator(start: Start = chosen.start): Emulator {
  const emulator = { endpoint: "", client: new SQSClient({ region, credentials }) };
  beforeAll(async () => {
    const server = await start();
    emulator.endpoint = `http://127.0.0.1:${server.port}`;
    emulator.client = new SQSClient({ region, credentials, endpoint: emulator.endpoint });
    return async () => {
      emulator.client.destroy();
      await server.stop();
    };
  });
  return emulator;
}

export const freshPrefix = (): string => `t${randomBytes(3).toString("hex")}`;

const opened = closedBy(afterEach);

/** Opens a backend that is closed after the test. */
export async function open(endpoint: string, options: Partial<SqsOptions> = {}): Promise<Backend> {
  const factory = sqsBackend({ region, prefix: freshPrefix(), endpoint, pollSeconds: 1, ...options });
  return opened(await factory(context));
}
