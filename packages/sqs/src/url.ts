import {
  anyText,
  assertNoFragment,
  configInvalid,
  decodeUrlPart,
  digits,
  pemFile,
  readUrlParameters,
  shownUrl,
  trueOrFalse,
} from "@waybill/core/backend";
import type { SqsOptions } from "./options.ts";

const PARAMETERS = {
  endpoint: anyText,
  ca_bundle: pemFile,
  client_cert: pemFile,
  client_key: pemFile,
  fifo: trueOrFalse,
  create: trueOrFalse,
  queues: { read: (text: string) => text.split(","), remedy: "write names of queues, separated by commas" },
  pollSeconds: digits,
  md5: trueOrFalse,
} as const;

const EXAMPLE = "sqs://eu-west-1/shop";

/** Parses `sqs://REGION/PREFIX?endpoint=URL&fifo=true`. Throws CONFIG_INVALID. */
export function optionsFromUrl(url: string): SqsOptions {
  const parts = /^sqs:\/\/(?<host>[^/?#]*)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?(?<fragment>#.*)?$/s.exec(
    url,
  )?.groups;
  if (parts === undefined) throw configInvalid(`this is not an SQS URL; write it as ${EXAMPLE}`);
  const { host = "", path = "/", query = "", fragment = "" } = parts;
  const shown = shownUrl(url);
  if (`${host}${path}${query.replace(/(^|&)endpoint=[^&]*/, "")}${fragment}`.includes("@")) {
    throw configInvalid(
      "an SQS URL has no user or password; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a role",
    );
  }
  assertNoFragment(fragment, shown);
  const region = /^sqs\.([a-z\d-]+)\.amazonaws\.com(?:\.cn)?$/.exec(host)?.[1];
  if (region !== undefined) {
    throw configInvalid(
      `${shown} has a host of AWS; write the region, and the prefix of the queues' names: sqs://${region}/shop`,
    );
  }
  if (/[.:]/.test(host)) {
    const place = /^[\w.-]+(:\d+)?$/.test(host) ? host : "HOST:PORT";
    throw configInvalid(
      `${shown} has a host; write the region there, and the host as endpoint: ${EXAMPLE}?endpoint=http://${place}`,
    );
  }
  if (host === "") throw configInvalid(`${shown} has no region; write it as ${EXAMPLE}`);
  const [prefix = "", ...rest] = path.slice(1).split("/");
  if (rest.length > 0) {
    throw configInvalid(`${shown} has more than a prefix in its path; remove the rest: each job names its queue`);
  }
  const values = readUrlParameters(new URLSearchParams(query), PARAMETERS, { shown });
  const { ca_bundle: ca, client_cert: cert, client_key: key, ...options } = values;
  const tls = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
  return {
    region: host,
    ...(prefix !== "" && { prefix: decodeUrlPart(prefix, "the prefix", shown) }),
    ...options,
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}
