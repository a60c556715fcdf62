import { randomBytes } from "node:crypto";
import { SQSClient } from "@aws-sdk/client-sqs";
import type { Admit, Backend, BackendContext, Lease, Message } from "@waybill/core/backend";
import { startFauxqsHere, startMoto, unheard } from "@waybill/test-servers";
import { afterEach, beforeAll } from "vitest";
import { sqsBackend, type SqsOptions } from "../src/index.ts";

/** The emulator of one test file. */
export interface Emulator {
  /** Set before the first test. */
  readonly endpoint: string;
  /** A client that looks over the backend's shoulder. */
  readonly client: SQSClient;
}

export const region = "us-east-1";
export const credentials = { accessKeyId: "test", secretAccessKey: "test" } as const;

/** What two copies of SQS have in common, and no more, may be believed of SQS. */
export const emulators = [
  { copy: "fauxqs", start: startFauxqsHere },
  { copy: "moto", start: startMoto },
] as const;

type Start = (typeof emulators)[number]["start"];

/** All files run on the first of them, or on the one that the environment names. */
const chosen = emulators.find(({ copy }) => copy === process.env["WAYBILL_TEST_SQS_COPY"]) ?? emulators[0];

/** For what a test knows of that copy alone. */
export const isFirstCopy: boolean = chosen === emulators[0];

/** Starts an emulator; call it at the top of a file or of a `describe`. */
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

/** Stands in for core: takes JSON with an id, and has one code for everything else. */
export const admit: Admit = (body, signature) => {
  try {
    const { id, type = "test.job", queue = "default" } = JSON.parse(body) as Partial<Message>;
    if (id === undefined) return { ok: false, reason: { code: "FIELD_MISSING", message: "id is missing" } };
    return { ok: true, message: message({ id, type, queue, signature, body }) };
  } catch (thrown) {
    return { ok: false, reason: { code: "JSON_SYNTAX", message: String(thrown) } };
  }
};

export const context: BackendContext = { admit, report: unheard };

const opened: Backend[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((backend) => backend.close()));
});

/** Opens a backend that is closed after the test. */
export async function open(endpoint: string, options: Partial<SqsOptions> = {}): Promise<Backend> {
  const backend = await sqsBackend({ region, prefix: freshPrefix(), endpoint, pollSeconds: 1, ...options })(context);
  opened.push(backend);
  return backend;
}

let count = 0;

export function message(part: Partial<Message> = {}): Message {
  const id = part.id ?? `job-${(count += 1)}`;
  return {
    id,
    type: "test.job",
    queue: "default",
    delayMs: 0,
    priority: 0,
    tenant: null,
    signature: null,
    body: JSON.stringify({ id }),
    ...part,
  };
}

export function lease(
  backend: Backend,
  { queue = "default", limit = 1, leaseMs = 30_000, waitMs = 0, signal = new AbortController().signal } = {},
): Promise<Lease[]> {
  return backend.lease({ queue, limit, leaseMs, waitMs, signal });
}
