import type { ServerVersion } from "./doctor.ts";
import { WaybillError } from "../errors.ts";

/** The versions of servers that a program supports, by product: `{ redis: ">=6.2 <8", postgres: "15" }`. */
export type ServerRanges = Readonly<Record<string, string>>;

/**
 * Throws `CONFIG_INVALID` for a server outside the range declared for its product, or for a range that cannot be parsed. A
 * product without a range and a server that reports no version pass.
 */
export function assertServerVersion(services: ServerRanges, server: ServerVersion | null): void {
  for (const [product, range] of Object.entries(services)) comparatorsOf(product, range);
  const range = server && Object.hasOwn(services, server.product) ? services[server.product] : undefined;
  if (server === null || range === undefined) return;
  const fits = comparatorsOf(server.product, range).every(({ sign, wanted }) => isWithin(sign, server.version, wanted));
  if (fits) return;
  throw new WaybillError(
    "CONFIG_INVALID",
    `${server.product} is ${server.version}, and this program declares ${server.product} "${range}"; ` +
      "connect to a server within that range, or widen it in `services` once you have tested the program there",
  );
}

type Sign = ">=" | ">" | "<=" | "<" | "=";
interface Comparator {
  readonly sign: Sign;
  readonly wanted: string;
}

function comparatorsOf(product: string, range: string): Comparator[] {
  const parts = typeof range === "string" ? range.split(/\s+/).filter((part) => part !== "") : [];
  const comparators = parts.map((part) => /^(?<sign>>=|>|<=|<|=)?(?<wanted>\d+(\.\d+)*)$/.exec(part)?.groups);
  if (comparators.length > 0 && comparators.every((groups) => groups !== undefined)) {
    return comparators.map((groups) => ({ sign: (groups["sign"] ?? "=") as Sign, wanted: groups["wanted"] ?? "" }));
  }
  throw new WaybillError(
    "CONFIG_INVALID",
    `services.${product} is ${JSON.stringify(range)}; write versions to compare with, such as ">=6.2 <8" or "15"`,
  );
}

/** Compares as many numbers as the range has: 15.20 is within "15", 7.0.15 within "<8". */
function isWithin(sign: Sign, version: string, wanted: string): boolean {
  const order = compare(version, wanted);
  switch (sign) {
    case ">=":
      return order >= 0;
    case ">":
      return order > 0;
    case "<=":
      return order <= 0;
    case "<":
      return order < 0;
    case "=":
      return order === 0;
  }
}

function compare(version: string, wanted: string): number {
  const have = /^\d+(\.\d+)*/.exec(version)?.[0].split(".").map(Number) ?? [];
  for (const [at, number] of wanted.split(".").map(Number).entries()) {
    const difference = (have[at] ?? 0) - number;
    if (difference !== 0) return difference;
  }
  return 0;
}
