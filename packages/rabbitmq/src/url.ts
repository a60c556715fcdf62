import { maskUrl } from "@waybill/core/backend";
import { invalid, type RabbitmqOptions } from "./options.ts";

const NUMBERS = ["deliveryLimit", "consumerTimeoutMs", "confirmTimeoutMs"] as const;
const PARAMETERS: readonly string[] = ["prefix", "queueType", "declare", ...NUMBERS];

/** `amqp://user:password@host:port/vhost?prefix=waybill`, or `amqps:`, with options as query parameters. */
export function optionsFromUrl(url: string): RabbitmqOptions {
  const parts = parse(url);
  const given = queryOf(parts, url);
  const vhost = decoded(parts.pathname.slice(1), "vhost", url);
  const numbers = NUMBERS.filter((name) => given.has(name)).map((name) => [name, numberOf(given.get(name) ?? "")]);
  return {
    ...(parts.hostname !== "" && { hostname: parts.hostname.replace(/^\[|\]$/g, "") }),
    ...(parts.port !== "" && { port: Number(parts.port) }),
    ...(parts.username !== "" && { username: decoded(parts.username, "user", url) }),
    ...(parts.username !== "" && { password: decoded(parts.password, "password", url) }),
    ...(vhost !== "" && { vhost }),
    ...(given.has("prefix") && { prefix: given.get("prefix") ?? "" }),
    ...(given.has("queueType") && { queueType: given.get("queueType") as "quorum" }),
    ...(given.has("declare") && { declare: truthOf(given.get("declare") ?? "") }),
    ...(Object.fromEntries(numbers) as Partial<Record<(typeof NUMBERS)[number], number>>),
    tls: parts.protocol === "amqps:",
  };
}

function parse(url: string): URL {
  if (!URL.canParse(url))
    throw invalid(`"${maskUrl(url)}" is not a URL; write it as amqp://user:password@host:5672/vhost`);
  const parts = new URL(url);
  if (parts.hash !== "") {
    throw invalid(`"${maskUrl(url)}" has a fragment, which means nothing here; write # in a password as %23`);
  }
  // What follows may be half a password: no later error may name it.
  if (`${parts.pathname}${parts.search}`.includes("@")) {
    throw invalid(
      `"${maskUrl(url)}" has an @ behind its host; in user, password and vhost write / as %2F, ? as %3F, @ as %40`,
    );
  }
  if (parts.pathname.slice(1).includes("/")) {
    throw invalid(`"${maskUrl(url)}" has two path segments; a vhost with a / in its name writes it as %2F`);
  }
  return parts;
}

function queryOf(parts: URL, url: string): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const [name, value] of parts.searchParams) {
    if (!PARAMETERS.includes(name)) {
      throw invalid(`"${maskUrl(url)}" has an unknown parameter "${name}"; known are ${PARAMETERS.join(", ")}`);
    }
    if (given.has(name)) throw invalid(`"${maskUrl(url)}" sets "${name}" twice; keep one`);
    given.set(name, value);
  }
  return given;
}

const numberOf = (value: string): number => {
  if (value === "off") return Infinity;
  return /^\d+$/.test(value) ? Number(value) : Number.NaN;
};

function truthOf(value: string): boolean {
  if (value === "true" || value === "false") return value === "true";
  throw invalid(`declare is ${JSON.stringify(value)}: "true" or "false"`);
}

function decoded(part: string, name: string, url: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid(`the ${name} in "${maskUrl(url)}" has a % that is not an escape; write a real percent sign as %25`);
  }
}
