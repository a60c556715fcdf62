import { errorMessage } from "@waybill/core";
import { missingPrograms, type ServiceName, services, type TestServer } from "@waybill/test-servers";

/** A place whose jobs wait on a server; the names are those of `npm run services`. */
export type Served = Exclude<ServiceName, "pgbouncer">;

export interface Servers {
  /** Whether there is a server, or one could be started. Starts nothing. */
  state(name: Served): Promise<"running" | "startable" | "missing">;
  /** Returns the URL of a running server, and starts one if it has to and can. Throws with what to do. */
  url(name: Served): Promise<string>;
  /** The server, if it was started here. */
  own(name: Served): TestServer | undefined;
  stop(): Promise<void>;
}

/**
 * Finds the servers of the demo: by `DEMO_REDIS_URL` and the like, on their usual ports, or starts installed ones. The
 * value "own" of a variable always starts one.
 */
export function openServers(env: NodeJS.ProcessEnv = process.env): Servers {
  const started = new Map<Served, TestServer>();
  const mustStart = (name: Served): boolean => env[variableOf(name)] === "own";
  const given = (name: Served): string | undefined =>
    mustStart(name) ? undefined : env[variableOf(name)] || undefined;
  const isRunning = async (name: Served): Promise<boolean> =>
    !mustStart(name) && (await services[name].respondsAt(services[name].usualPort));

  async function start(name: Served): Promise<TestServer> {
    if (!canStart(name)) throw new Error(howToStart(name));
    // A server runs as a user of its own, who must be able to read its settings.
    const before = process.umask(0o022);
    try {
      const server = await services[name].start(0);
      started.set(name, server);
      return server;
    } catch (error) {
      const [firstLine] = errorMessage(error).split("\n");
      throw new Error(`${firstLine} ${howToStart(name)}`, { cause: error });
    } finally {
      process.umask(before);
    }
  }

  return {
    async state(name) {
      if (given(name) || started.has(name) || (await isRunning(name))) return "running";
      return canStart(name) ? "startable" : "missing";
    },
    async url(name) {
      const chosen = given(name);
      if (chosen !== undefined) return chosen;
      const { usualPort, url } = services[name];
      const own = started.get(name)?.url;
      const found = own ?? ((await isRunning(name)) ? url(usualPort) : (await start(name)).url);
      return withOwnNames(name, found);
    },
    own: (name) => started.get(name),
    async stop() {
      await Promise.all([...started.values()].map((server) => server.stop()));
    },
  };
}

const variableOf = (name: Served): string => `DEMO_${name.toUpperCase()}_URL`;

/** Whether its programs are there, and this user may start them. */
function canStart(name: Served): boolean {
  const { debianPackages } = services[name];
  return missingPrograms(services[name]).length === 0 && (debianPackages.length === 0 || process.getuid?.() === 0);
}

function howToStart(name: Served): string {
  const { usualPort, container } = services[name];
  const compose = container === null ? "" : `"docker compose up --detach --wait ${container}" or `;
  return `No server at port ${usualPort}. Start one with ${compose}"npm run services -- ${name}", or set ${variableOf(name)}. Then choose it again.`;
}

/** Keeps the demo's jobs apart from those of other programs on the same server. */
function withOwnNames(name: Served, text: string): string {
  const url = new URL(text);
  if (name === "sqs") url.pathname = "/waybill-demo";
  else url.searchParams.set(name === "postgres" ? "schema" : "prefix", "waybill_demo");
  return url.href;
}
