import { type Jobs, WaybillError } from "@waybill/core";
import { assertGuardOptions, assertKnownOptions, describeValue, type OptionNames } from "@waybill/core/backend";
import type { AuditLine } from "./audit.ts";

/** A user who may see the dashboard. */
export interface DashboardUser {
  /** The name in audit lines. */
  readonly user: string;
  /** True: may look, and change nothing. Omitted: as the option `readOnly` says. */
  readonly readOnly?: boolean | undefined;
}

/** A `DashboardUser` of whom everything is known. */
export interface KnownUser {
  readonly user: string;
  readonly readOnly: boolean;
}

/**
 * Decides who sends a request: a user, null for an unknown one (the response is 401), or a response of its own, such as a redirect to
 * a login. It sees every request, those for the page's own files included.
 */
export type Auth = (request: Request) => DashboardUser | Response | null | Promise<DashboardUser | Response | null>;

/** Options of a dashboard. */
export interface DashboardOptions {
  /** The connections it shows, by name: 1 to 20. They stay yours: close them yourself. */
  readonly connections: Readonly<Record<string, Jobs>>;
  /**
   * Who may see it. "loopback": every browser that runs on this machine; a request for any other host, or one that came
   * by a proxy, is refused.
   */
  readonly auth: Auth | "loopback";
  /** True: no route that changes anything exists. Default false. */
  readonly readOnly?: boolean | undefined;
  /** Members of payloads that are never shown, such as `["card.number"]`; lists are passed through. Default: none. */
  readonly redact?: readonly string[] | undefined;
  /** Where it is mounted, counted from the root of the server. Default "/". */
  readonly path?: string | undefined;
  /** The only values of the Host header that are served, such as `["jobs.example.com"]`. Default: any with `auth`, those of loopback without. */
  readonly hosts?: readonly string[] | undefined;
  /** Called once for each change, made or refused by the backend. Default: prints one line of JSON on stdout. */
  readonly audit?: ((line: AuditLine) => void) | undefined;
  /** What the tokens of forms are derived from, at least 32 characters. Processes behind one balancer need the same. Default: random. */
  readonly secret?: string | undefined;
  /**
   * Ends the streams of the pages that are open, so that a server which waits for its responses can end. Without it they last as
   * long as the pages; `dashboardListener` ends them with its server by itself.
   */
  readonly signal?: AbortSignal | undefined;
}

const OPTIONS: OptionNames<DashboardOptions> = {
  connections: true,
  auth: true,
  readOnly: true,
  redact: true,
  path: true,
  hosts: true,
  audit: true,
  secret: true,
  signal: true,
};
const OF = "the options of createDashboard";

/** Options with their defaults. */
export interface Settings {
  readonly connections: ReadonlyMap<string, Jobs>;
  readonly auth: Auth | "loopback";
  readonly readOnly: boolean;
  readonly redact: readonly (readonly string[])[];
  /** Without its last "/": "" at the root. */
  readonly path: string;
  readonly hosts: ReadonlySet<string> | null;
  readonly audit: ((line: AuditLine) => void) | null;
  readonly secret: string | null;
  readonly signal: AbortSignal | null;
}

/** Returns the settings. Throws `CONFIG_INVALID` for options that cannot be meant. */
export function settingsOf(options: DashboardOptions): Settings {
  assertKnownOptions(options, OPTIONS, OF);
  assertGuardOptions(options, ["redact", "hosts", "secret", "readOnly"], OF);
  const { connections, auth, readOnly = false, redact = [], path = "/", hosts, audit, secret, signal } = options;
  if (auth !== "loopback" && typeof auth !== "function") {
    throw refuse(
      `"auth" in ${OF} is ${describeValue(auth)}: pass a function that returns the user of a request, basicAuth(…), or ` +
        '"loopback" for browsers on this machine alone',
    );
  }
  const named = Object.entries(connections ?? {});
  if (
    named.length < 1 ||
    named.length > 20 ||
    named.some(([name, jobs]) => !/^[\w.-]{1,40}$/.test(name) || !isJobs(jobs))
  )
    throw refuse(
      `"connections" in ${OF} is ${describeValue(connections)}: pass 1 to 20 by name, { main: await connect(url) }`,
    );
  if (typeof readOnly !== "boolean")
    throw refuse(`"readOnly" in ${OF} is ${describeValue(readOnly)}: pass true or false`);
  if (typeof path !== "string" || !/^\/[\w./~-]*$/.test(path))
    throw refuse(`"path" in ${OF} is ${describeValue(path)}: pass a path from the root, such as "/jobs"`);
  if (!isTexts(redact))
    throw refuse(`"redact" in ${OF} is ${describeValue(redact)}: pass a list such as ["card.number"]`);
  if (hosts !== undefined && !(isTexts(hosts) && hosts.length > 0))
    throw refuse(`"hosts" in ${OF} is ${describeValue(hosts)}: pass a list such as ["jobs.example.com"]`);
  if (audit !== undefined && typeof audit !== "function")
    throw refuse(`"audit" in ${OF} is ${describeValue(audit)}: pass a function of (line)`);
  if (secret !== undefined && !(typeof secret === "string" && secret.length >= 32))
    throw refuse(`"secret" in ${OF} is too short or no text: pass at least 32 characters`);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw refuse(`"signal" in ${OF} is ${describeValue(signal)}: pass the signal of an AbortController`);
  return {
    connections: new Map(named),
    auth,
    readOnly,
    redact: redact.map((one) => one.split(".")),
    path: path.replace(/\/+$/, ""),
    hosts: hosts === undefined ? null : new Set(hosts.map((host) => host.toLowerCase())),
    audit: audit ?? null,
    secret: secret ?? null,
    signal: signal ?? null,
  };
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === "string" && one !== "");

const isJobs = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "backend" in value && "inspector" in value && "list" in value;

const refuse = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
