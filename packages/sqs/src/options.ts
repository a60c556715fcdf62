import type { SQSClient, SQSClientConfig } from "@aws-sdk/client-sqs";
import type { WaybillError } from "@waybill/core";
import {
  assertKnownOptions,
  assertText,
  configInvalid,
  describeValue,
  maskUrl,
  member,
  type OptionNames,
  wholeNumber,
} from "@waybill/core/backend";
import type { ConnectionOptions } from "node:tls";
import { attributeFault, type Attributes, textAttribute } from "./message/attributes.ts";

/** Where the queues are, and how they are named. */
export interface SqsOptions {
  /** Such as "eu-west-1". */
  readonly region: string | undefined;
  /** Begins the name of every queue: "shop" makes "shop-default". Default "waybill". */
  readonly prefix?: string | undefined;
  /** FIFO queues, which run the jobs of one tenant one at a time and in order. Default false: standard queues. */
  readonly fifo?: boolean | undefined;
  /** URL of another service with the API of SQS, such as "http://127.0.0.1:4566". Default: AWS. */
  readonly endpoint?: string | undefined;
  /** Options of `tls.connect` for an `https:` endpoint: ca, cert, key, … Default: the authorities that Node trusts. */
  readonly tls?: ConnectionOptions | undefined;
  /** Whether missing queues are created. Default: only with an `endpoint`, since at AWS queues belong to the infrastructure. */
  readonly create?: boolean | undefined;
  /** Queues to find and check when the backend opens. Others are found and checked at their first use. Default none. */
  readonly queues?: readonly string[] | undefined;
  /** The longest poll, from 1 to 20 s. A worker that stops waits for its last poll. Default 2. */
  readonly pollSeconds?: number | undefined;
  /** False where MD5 is not allowed (FIPS): bodies are then not checked. Default true. */
  readonly md5?: boolean | undefined;
  /** Up to 3 attributes of every message, for other tools. Letters, digits and hyphens in their names. Default none. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  /** Default: the AWS chain (environment, profile, role), and placeholders for an `endpoint` on this machine. */
  readonly credentials?: NonNullable<SQSClientConfig["credentials"]> | undefined;
  /**
   * The client for all calls, instead of `endpoint`, `tls`, `md5` and `credentials`. Not destroyed on close. A call that takes
   * longer than 8 s fails; a poll may take 8 s longer than it waits.
   */
  readonly client?: SQSClient | undefined;
}

type Filled = Omit<SqsOptions, "endpoint" | "tls" | "credentials" | "client" | "attributes">;

export interface Settings extends Readonly<{ [Name in keyof Filled]-?: Exclude<Filled[Name], undefined> }> {
  readonly endpoint: string | null;
  readonly tls: ConnectionOptions;
  readonly credentials: NonNullable<SqsOptions["credentials"]> | null;
  readonly client: SQSClient | null;
  /** The option `attributes`, as SQS has it. */
  readonly ownAttributes: Attributes;
  /** Without secrets. */
  readonly address: string;
}

/** Of the 10 that SQS allows a message, waybill needs up to 7. */
const MOST_ATTRIBUTES = 3;

const OPTIONS: OptionNames<SqsOptions> = {
  region: true,
  prefix: true,
  fifo: true,
  endpoint: true,
  tls: true,
  create: true,
  queues: true,
  pollSeconds: true,
  md5: true,
  attributes: true,
  credentials: true,
  client: true,
};

/** Fills in the defaults. Throws CONFIG_INVALID. */
export function settingsOf(options: SqsOptions): Settings {
  assertKnownOptions(options, OPTIONS, "the options of sqsBackend");
  const { region, prefix = "waybill", fifo = false, queues = [], pollSeconds = 2, md5 = true } = options;
  const { endpoint = null, tls = {}, credentials = null, client = null, attributes = {} } = options;
  assertText("sqs: region", region, "name a region, such as eu-west-1");
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(region)) {
    throw invalid(`region is ${describeValue(region)}; name a region, such as eu-west-1`);
  }
  if (!/^[A-Za-z0-9]([A-Za-z0-9_-]{0,60}[A-Za-z0-9])?$/.test(prefix)) {
    throw invalid(
      `prefix is ${describeValue(prefix)}; use 1 to 62 letters, digits, hyphens and underscores, such as "shop"`,
    );
  }
  if (endpoint !== null) checkEndpoint(endpoint);
  if (options.tls !== undefined && endpoint !== null && !endpoint.startsWith("https:")) {
    throw invalid("tls is set; begin the endpoint with https://");
  }
  const wrong = queues.find((queue) => !/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(queue));
  if (wrong !== undefined) throw invalid(`queues has ${describeValue(wrong)}; use lower-case letters, digits, . and -`);
  if (client !== null && typeof member(client, "send") !== "function") {
    throw invalid("client has no `send`; pass an SQSClient of @aws-sdk/client-sqs");
  }
  const at = endpoint === null ? "" : ` at ${maskUrl(endpoint)}`;
  return {
    region,
    prefix,
    fifo,
    endpoint,
    tls,
    queues,
    pollSeconds: wholeNumber("sqs: pollSeconds", pollSeconds, { least: 1, most: 20 }),
    md5,
    ownAttributes: checkedAttributes(attributes),
    create: options.create ?? endpoint !== null,
    credentials,
    client,
    address: `sqs://${region}/${prefix}${fifo ? "?fifo=true" : ""}${at}`,
  };
}

function checkEndpoint(endpoint: string): void {
  const parsed = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw invalid(`endpoint is "${maskUrl(endpoint)}"; write it as http://127.0.0.1:4566 (in a URL, percent-encoded)`);
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw invalid("endpoint has a user or password; SQS gets credentials from the AWS chain or the credentials option");
  }
}

function checkedAttributes(attributes: Readonly<Record<string, string>>): Attributes {
  const entries = Object.entries(attributes);
  if (entries.length > MOST_ATTRIBUTES) {
    throw invalid(`attributes has ${entries.length}; SQS allows a message 10, of which ${MOST_ATTRIBUTES} are free`);
  }
  for (const [name, value] of entries) {
    const fault = attributeFault(name, value);
    if (fault !== null) throw invalid(`attribute "${name}" ${fault}`);
  }
  return Object.fromEntries(entries.map(([name, value]) => [name, textAttribute(value)]));
}

const invalid = (message: string): WaybillError => configInvalid(`sqs: ${message}`);
