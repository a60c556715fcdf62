import { WaybillError } from "@waybill/core";
import { maskUrl } from "@waybill/core/backend";
import { invalid, type SqsOptions } from "./options.ts";

/** URL parameters, each named as the option it sets. */
const PARAMETERS = ["endpoint", "fifo", "create", "queues", "pollSeconds", "md5"] as const;
type Parameter = (typeof PARAMETERS)[number];

const EXAMPLE = "sqs://eu-west-1/shop";

/** `sqs://REGION/PREFIX?endpoint=URL&fifo=true`. Throws CONFIG_INVALID naming the part that means nothing here. */
export function optionsFromUrl(url: string): SqsOptions {
  const parts = /^sqs:\/\/(?<host>[^/?#]*)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?(?<fragment>#.*)?$/s.exec(
    url,
  )?.groups;
  if (parts === undefined) throw invalid(`not an SQS URL; write it as ${EXAMPLE}`);
  const { host = "", path = "/", query = "", fragment } = parts;
  const shown = maskUrl(url);
  if (`${host}${path}${query.replace(/(^|&)endpoint=[^&]*/, "")}${fragment ?? ""}`.includes("@")) {
    throw invalid(
      "an sqs URL holds no user or password; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a role",
    );
  }
  if (fragment !== undefined) throw invalid(`"${shown}" has a fragment, which means nothing here; end it before the #`);
  if (/[.:]/.test(host)) {
    const place = /^[\w.-]+(:\d+)?$/.test(host) ? host : "HOST:PORT";
    throw invalid(
      `"${shown}" names a host; name the region, and the host as endpoint: ${EXAMPLE}?endpoint=http://${place}`,
    );
  }
  if (host === "") throw invalid(`"${shown}" names no region; write it as ${EXAMPLE}`);
  const [prefix = "", ...rest] = path.slice(1).split("/");
  if (rest.length > 0) {
    throw invalid(`"${shown}" has more than a prefix in its path; remove the rest: the queue is named by the job`);
  }
  const values = parametersOf(query, shown);
  return { region: host, ...(prefix !== "" && { prefix: decoded(prefix, shown) }), ...chosen(values) };
}

function parametersOf(query: string, shown: string): ReadonlyMap<Parameter, string> {
  const values = new Map<Parameter, string>();
  for (const [given, value] of new URLSearchParams(query)) {
    const name = PARAMETERS.find((known) => known === given);
    if (name === undefined) {
      throw invalid(`"${shown}" has an unknown parameter "${given}"; known are ${PARAMETERS.join(", ")}`);
    }
    if (values.has(name)) throw invalid(`"${shown}" sets "${name}" twice; keep one`);
    values.set(name, value);
  }
  return values;
}

function chosen(values: ReadonlyMap<Parameter, string>): Partial<SqsOptions> {
  const endpoint = values.get("endpoint");
  const queues = values.get("queues");
  const seconds = values.get("pollSeconds");
  return {
    ...(endpoint !== undefined && { endpoint }),
    ...(queues !== undefined && { queues: queues.split(",") }),
    ...(seconds !== undefined && { pollSeconds: /^\d+$/.test(seconds) ? Number(seconds) : Number.NaN }),
    ...yesOrNo(values, "fifo"),
    ...yesOrNo(values, "create"),
    ...yesOrNo(values, "md5"),
  };
}

function yesOrNo<Name extends "fifo" | "create" | "md5">(
  values: ReadonlyMap<Parameter, string>,
  name: Name,
): { readonly [Key in Name]?: boolean } {
  const value = values.get(name);
  if (value === undefined) return {};
  if (value !== "true" && value !== "false") throw invalid(`sqs: ${name} is "${value}"; use true or false`);
  return { [name]: value === "true" } as { readonly [Key in Name]: boolean };
}

function decoded(text: string, shown: string): string {
  try {
    return decodeURIComponent(text);
  } catch (thrown) {
    const message = `"${shown}" has a % that is not an escape; remove it`;
    throw new WaybillError("CONFIG_INVALID", message, { cause: thrown });
  }
}
