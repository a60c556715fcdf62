import { WaybillError } from "@waybill/core";
import { assertKnownOptions, maskUrl, type OptionNames } from "@waybill/core/backend";

/** Where the file is, and how it is used. A URL may carry them too. */
export interface SqliteOptions {
  /** The file, relative to the working directory or absolute. Made when missing; its folder is not. */
  readonly path: string;
  /** Which finished jobs are remembered, for people to look at. A zero keeps none. */
  readonly retainFinished?: {
    /** Default 86,400,000: a day. */
    readonly maxAgeMs?: number;
    /** Default 10,000, in all queues together. */
    readonly maxCount?: number;
  };
  /**
   * How long a write waits while another process writes, before BACKEND_UNAVAILABLE. Default 9,500: just under the
   * 10 s after which `connect` gives up by itself, so that the error can name the file.
   */
  readonly busyTimeoutMs?: number;
  /**
   * How often a waiting `lease` looks whether another process wrote, where the system does not tell when a file is
   * written, and at most after it told. Default 40.
   */
  readonly pollMs?: number;
}

export interface Settings {
  readonly path: string;
  readonly maxAgeMs: number;
  readonly maxCount: number;
  readonly busyTimeoutMs: number;
  readonly pollMs: number;
}

const OPTIONS: OptionNames<SqliteOptions> = { path: true, retainFinished: true, busyTimeoutMs: true, pollMs: true };

const RETENTION: OptionNames<NonNullable<SqliteOptions["retainFinished"]>> = { maxAgeMs: true, maxCount: true };

export function settingsOf(options: SqliteOptions): Settings {
  assertKnownOptions(options, OPTIONS, "the options of sqliteBackend");
  assertKnownOptions(options.retainFinished ?? {}, RETENTION, "the members of retainFinished");
  if (options.path === "") throw invalid("the path of the file is empty; name one, such as ./waybill.db");
  if (options.path === ":memory:") {
    throw invalid('":memory:" would lose every job; name a file, or use the backend "memory:" in tests');
  }
  return {
    path: options.path,
    maxAgeMs: whole("retainFinished.maxAgeMs", options.retainFinished?.maxAgeMs ?? 86_400_000, 0),
    maxCount: whole("retainFinished.maxCount", options.retainFinished?.maxCount ?? 10_000, 0),
    busyTimeoutMs: whole("busyTimeoutMs", options.busyTimeoutMs ?? 9_500, 0),
    pollMs: whole("pollMs", options.pollMs ?? 40, 1),
  };
}

/** URL parameters, each named as the option or the part of `retainFinished` it sets. */
const PARAMETERS: readonly string[] = ["busyTimeoutMs", "pollMs", "retainMaxAgeMs", "retainMaxCount"];

/** `sqlite:./waybill.db`, `sqlite:/abs/waybill.db` or `sqlite:///abs/waybill.db`, with options as query parameters. */
export function optionsFromUrl(url: string): SqliteOptions {
  const shown = maskUrl(url);
  const parts = /^sqlite:(?<address>[^?#]*)(?:\?(?<query>[^#]*))?(?<fragment>#.*)?$/s.exec(url)?.groups;
  if (parts === undefined) throw invalid(`"${shown}" is not a sqlite URL; write it as sqlite:./waybill.db`);
  if (parts["fragment"] !== undefined) {
    throw invalid(`"${shown}" has a fragment, which means nothing here; remove it or write # as %23`);
  }
  const values = new Map<string, number>();
  for (const [name, value] of new URLSearchParams(parts["query"] ?? "")) {
    if (!PARAMETERS.includes(name)) {
      throw invalid(`"${shown}" has an unknown parameter "${name}"; known are ${PARAMETERS.join(", ")}`);
    }
    if (values.has(name)) throw invalid(`"${shown}" sets "${name}" twice; keep one`);
    values.set(name, /^\d+$/.test(value) ? Number(value) : Number.NaN);
  }
  const { path, ...defaults } = settingsOf({ path: pathOf(parts["address"] ?? "", shown) });
  const valueOf = (name: string, otherwise: number): number => values.get(name) ?? otherwise;
  return {
    path,
    busyTimeoutMs: valueOf("busyTimeoutMs", defaults.busyTimeoutMs),
    pollMs: valueOf("pollMs", defaults.pollMs),
    retainFinished: {
      maxAgeMs: valueOf("retainMaxAgeMs", defaults.maxAgeMs),
      maxCount: valueOf("retainMaxCount", defaults.maxCount),
    },
  };
}

function pathOf(address: string, shown: string): string {
  if (address.startsWith("//") && !address.startsWith("///")) {
    throw invalid(`"${shown}" names a host; a file is written as sqlite:./waybill.db or sqlite:/folder/waybill.db`);
  }
  const path = address.startsWith("///") ? address.slice(2) : address;
  if (path === "") throw invalid(`"${shown}" names no file; write it as sqlite:./waybill.db`);
  try {
    return decodeURIComponent(path);
  } catch (thrown) {
    const text = `"${shown}" has a % that is not an escape; write a real percent sign as %25`;
    throw new WaybillError("CONFIG_INVALID", text, { cause: thrown });
  }
}

function whole(name: string, value: number, least: number): number {
  if (value === Infinity || (Number.isSafeInteger(value) && value >= least)) return value;
  throw invalid(`sqlite: ${name} must be a whole number of at least ${least}`);
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
