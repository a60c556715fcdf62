import type { SQSClient, SQSClientConfig } from "@aws-sdk/client-sqs";
import { WaybillError } from "@waybill/core";
import { assertKnownOptions, maskUrl, member, type OptionNames } from "@waybill/core/backend";
import { attributeFault, type Attributes, textAttribute } from "./attributes.ts";

/** Where the queues are, and how they are called. A URL may carry most of them too. */
export interface SqsOptions {
  /** Such as "eu-west-1". */
  readonly region: string;
  /** Begins the name of every queue: "shop" makes "shop-default". Default "waybill". */
  readonly prefix?: string;
  /** FIFO queues: the jobs of one tenant run one at a time and in order. Default false: standard queues. */
  readonly fifo?: boolean;
  /** Where SQS answers, if not at AWS: "http://127.0.0.1:4566". */
  readonly endpoint?: string;
  /** Whether a missing queue is made. Default: only with an `endpoint`, since at AWS queues belong to the infrastructure. */
  readonly create?: boolean;
  /** Queues to find and check when the backend opens. Others are found and checked at their first use. Default none. */
  readonly queues?: readonly string[];
  /** Longest single poll, 1 to 20 s. Default 2: a stopping worker waits for its last poll, and a longer one outlives it. */
  readonly pollSeconds?: number;
  /** False where MD5 is barred (FIPS): bodies then travel unchecked. Default true. */
  readonly md5?: boolean;
  /** Up to 3 attributes for every message sent, for tools that read them. Names of letters, digits and hyphens only. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Default: the AWS chain (environment, profile, role). Made up for an `endpoint` on this machine. */
  readonly credentials?: NonNullable<SQSClientConfig["credentials"]>;
  /** A client of your own, which is not destroyed on close; `endpoint`, `md5` and `credentials` are then yours to set. A call that it leaves open for 8 s has failed; a poll has 8 s more than it waits. */
  readonly client?: SQSClient;
}

export interface Settings extends Required<Omit<SqsOptions, "endpoint" | "credentials" | "client" | "attributes">> {
  readonly endpoint: string | null;
  readonly credentials: SqsOptions["credentials"] | null;
  readonly client: SQSClient | null;
  /** Those of `attributes`, as SQS takes them. */
  readonly ownAttributes: Attributes;
  /** Without secrets. */
  readonly address: string;
}

const QUEUE = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;
/** Ours take up to 7 of the 10 that SQS allows a message. */
const MOST_ATTRIBUTES = 3;

const OPTIONS: OptionNames<SqsOptions> = {
  region: true,
  prefix: true,
  fifo: true,
  endpoint: true,
  create: true,
  queues: true,
  pollSeconds: true,
  md5: true,
  attributes: true,
  credentials: true,
  client: true,
};

/** Throws CONFIG_INVALID for what cannot work. */
export function settingsOf(options: SqsOptions): Settings {
  assertKnownOptions(options, OPTIONS, "the options of sqsBackend");
  const {
    region,
    prefix = "waybill",
    fifo = false,
    queues = [],
    pollSeconds = 2,
    md5 = true,
    attributes = {},
  } = options;
  const endpoint = options.endpoint ?? null;
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(region)) throw invalid(`sqs: region is "${region}"; name one such as eu-west-1`);
  if (!/^[A-Za-z0-9]([A-Za-z0-9_-]{0,60}[A-Za-z0-9])?$/.test(prefix)) {
    throw invalid(`sqs: prefix is "${prefix}"; use 1 to 62 letters, digits, hyphens and underscores, such as "shop"`);
  }
  if (endpoint !== null) checkEndpoint(endpoint);
  const strange = queues.find((queue) => !QUEUE.test(queue));
  if (strange !== undefined) throw invalid(`sqs: queues names "${strange}"; use lower-case letters, digits, . and -`);
  if (!Number.isSafeInteger(pollSeconds) || pollSeconds < 1 || pollSeconds > 20) {
    throw invalid("sqs: pollSeconds must be a whole number from 1 to 20");
  }
  checkAttributes(attributes);
  if (options.client !== undefined && typeof member(options.client, "send") !== "function") {
    throw invalid("sqs: client has no `send`; pass an SQSClient of @aws-sdk/client-sqs");
  }
  return {
    region,
    prefix,
    fifo,
    endpoint,
    queues,
    pollSeconds,
    md5,
    ownAttributes: Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, textAttribute(value)] as const),
    ),
    create: options.create ?? endpoint !== null,
    credentials: options.credentials ?? null,
    client: options.client ?? null,
    address: `sqs://${region}/${prefix}${fifo ? "?fifo=true" : ""}${endpoint === null ? "" : ` at ${maskUrl(endpoint)}`}`,
  };
}

function checkEndpoint(endpoint: string): void {
  const parsed = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw invalid(
      `sqs: endpoint is "${maskUrl(endpoint)}"; write it as http://127.0.0.1:4566 (in a URL, percent-encoded)`,
    );
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw invalid("sqs: the endpoint holds a user or password; SQS takes credentials from the AWS chain or options");
  }
}

function checkAttributes(attributes: Readonly<Record<string, string>>): void {
  const entries = Object.entries(attributes);
  if (entries.length > MOST_ATTRIBUTES) {
    throw invalid(`sqs: ${entries.length} attributes; SQS allows a message 10, of which ${MOST_ATTRIBUTES} are free`);
  }
  for (const [name, value] of entries) {
    const fault = attributeFault(name, value);
    if (fault !== null) throw invalid(`sqs: attribute "${name}" ${fault}`);
  }
}

export const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
