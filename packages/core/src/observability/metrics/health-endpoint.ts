import { WaybillError } from "../../errors.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../../known-options.ts";
import { monotonicMs } from "../../time/clock.ts";
import { type Duration, durationMs } from "../../time/duration.ts";
import { member } from "../../values/any-value.ts";
import { printable } from "../../values/printable.ts";
import { errorCode } from "../../values/thrown.ts";

/** A worker, as far as its health is concerned. */
export interface HealthSource {
  /** Returns its state. Called at each request. */
  health(): {
    /** As `WorkerState`. */
    readonly state: string;
    /** The error of the last call on the backend that failed; null while all succeed. */
    readonly message: string | null;
    /** Milliseconds since calls on the backend began to fail; null while all succeed. */
    readonly unavailableMs: number | null;
  };
}

/** Options of `healthEndpoint`. */
export interface HealthOptions {
  /** Served at `/metrics`. Default: none, and `/metrics` is not found. */
  readonly metrics?: { prometheus(): Promise<string> } | undefined;
  /** `/health` fails once the backend has been unavailable for this long. Default "5m". */
  readonly unavailableFor?: Duration | undefined;
  /** `/health` fails for the requests that waited while the event loop was blocked for this long. Default "10s". */
  readonly blockedFor?: Duration | undefined;
}

/** Serves `/health`, `/ready` and `/metrics`. */
export interface HealthEndpoint {
  /** Responds to a request, of fetch or of `node:http`, by its method and path alone. Never rejects. */
  fetch(request: { readonly method?: string | undefined; readonly url?: string | undefined }): Promise<Response>;
  /** Stops watching the event loop. */
  stop(): void;
}

const OPTIONS: OptionNames<HealthOptions> = { metrics: true, unavailableFor: true, blockedFor: true };
const BEAT_MS = 500;
/** Requests that waited while the event loop was blocked are read within this time. */
const AFTERWARDS_MS = 1_000;

/**
 * Makes an endpoint for probes and for Prometheus, for a server of the program's own.
 *
 * - `GET /health`: 200 while the process works, also while it starts and shuts down; 503 with the reason when a restart may help.
 * - `GET /ready`: 200 while every worker leases jobs; 503 with the reason while one starts, shuts down or cannot.
 * - `GET /metrics`: the scrape of `metrics`.
 *
 * Anything else is 404 or 405. `workers` is read at each request, so an array may be filled later. Throws `CONFIG_INVALID` for
 * options that cannot work.
 */
export function healthEndpoint(
  workers: HealthSource | readonly HealthSource[],
  options: HealthOptions = {},
): HealthEndpoint {
  assertKnownOptions(options, OPTIONS, "the options of healthEndpoint");
  const unavailableMs = durationMs(options.unavailableFor ?? "5m", "unavailableFor");
  const blocks = watchLoop(durationMs(options.blockedFor ?? "10s", "blockedFor"));
  const { metrics } = options;
  if (!isSource(workers) && !(Array.isArray(workers) && workers.every(isSource)))
    throw refuse(
      `healthEndpoint got ${describeValue(workers)}: pass a worker, or a list of what jobs.worker(…) returned`,
    );
  if (metrics !== undefined && typeof member(metrics, "prometheus") !== "function")
    throw refuse(`metrics of healthEndpoint is ${describeValue(metrics)}: pass what jobMetrics(…) returned`);
  const all = (): readonly HealthSource[] => ("health" in workers ? [workers] : workers);

  function unhealthy(): string | null {
    const blockedMs = blocks.blockedMs();
    if (blockedMs > 0)
      return `the event loop was blocked for ${seconds(blockedMs)}: a handler computes without a pause`;
    for (const worker of all()) {
      const { state, message, unavailableMs: forMs } = worker.health();
      if (state === "silent") return "a call on the backend has not returned for over 30 s";
      if (state === "unavailable" && forMs !== null && forMs >= unavailableMs)
        return `the backend has been unavailable for ${seconds(forMs)}: ${message ?? ""}`;
    }
    return null;
  }

  function unready(): string | null {
    const states = all().map((worker) => worker.health());
    if (states.length === 0) return "starting";
    const first = states.find(({ state }) => state !== "running");
    if (first === undefined) return null;
    return first.state === "unavailable" ? `unavailable: ${first.message ?? ""}` : (WORDS[first.state] ?? first.state);
  }

  async function route(url: string): Promise<Response> {
    switch (pathOf(url)) {
      case "/health":
        return verdict(unhealthy());
      case "/ready":
        return verdict(unready());
      case "/metrics":
        if (metrics !== undefined) return respond(200, await metrics.prometheus(), SCRAPE);
    }
    return respond(404, "not found: /health, /ready or /metrics\n");
  }

  return {
    async fetch({ method, url = "" }) {
      try {
        if (method === "GET") return await route(url);
        if (method === "HEAD") return withoutBody(await route(url));
        return respond(405, "GET or HEAD\n", undefined, { allow: "GET, HEAD" });
      } catch (thrown) {
        return respond(500, `the request failed: ${errorCode(thrown)}\n`);
      }
    },
    stop: blocks.end,
  };
}

const isSource = (value: unknown): boolean => typeof member(value, "health") === "function";

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}

/** Returns the path of a URL, or of the target of a request as a server of Node has it; "" for neither. */
const pathOf = (url: string): string => (url.startsWith("/") ? url.split("?", 1)[0] : URL.parse(url)?.pathname) ?? "";

const WORDS: Readonly<Record<string, string>> = { new: "starting", silent: "a call on the backend has not returned" };
const SCRAPE = "text/plain; version=0.0.4; charset=utf-8";

const verdict = (reason: string | null): Response =>
  respond(reason === null ? 200 : 503, `${printable(reason ?? "ok")}\n`);

const withoutBody = ({ status, headers }: Response): Response => new Response(null, { status, headers });

function respond(
  status: number,
  body: string,
  type = "text/plain; charset=utf-8",
  more: Readonly<Record<string, string>> = {},
): Response {
  const headers = { "content-type": type, "cache-control": "no-store", "x-content-type-options": "nosniff", ...more };
  return new Response(body, { status, headers });
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;

/** Notices that the event loop did not turn. `blockedMs` returns for how long, shortly after that; 0 otherwise. */
function watchLoop(leastMs: number): { blockedMs(): number; end(): void } {
  let beatAt = monotonicMs();
  let blockedMs = 0;
  let until = 0;

  /** Called by the timer and at each request: a socket may be read before the timer runs. */
  function look(): number {
    const now = monotonicMs();
    if (now - beatAt >= leastMs + BEAT_MS) {
      blockedMs = now - beatAt;
      until = now + AFTERWARDS_MS;
    }
    beatAt = now;
    return now;
  }

  const beat = setInterval(look, BEAT_MS).unref();
  return { blockedMs: () => (look() < until ? blockedMs : 0), end: () => clearInterval(beat) };
}
