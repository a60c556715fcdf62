import { type Command, InvalidArgumentError, Option } from "commander";
import { connect, describeError, type Jobs } from "@waybill/core";
import { warn } from "@waybill/core/endpoint";
import { shared, type SharedOptions } from "../connection.ts";
import { UsageError } from "../exit.ts";
import { list, nonEmpty, port } from "../options/values.ts";
import { onSignals } from "../on-signals.ts";
import { examples, section } from "../output/help.ts";
import { printJson, printText } from "../output/print.ts";
import { isLoopback, serve } from "../serve.ts";

interface Options extends SharedOptions {
  readonly port: number;
  readonly host: string;
  readonly readOnly?: true;
  readonly user: string;
  readonly allowHosts?: readonly string[];
  readonly redact?: readonly string[];
  readonly also?: Readonly<Record<string, string>>;
}

export function dashboardCommand(program: Command): void {
  const command = program
    .command("dashboard")
    .summary("serve the dashboard until SIGTERM or SIGINT")
    .description("Serve a page that shows the queues, jobs, dead letters, schedules and workers, and changes them.")
    .addOption(new Option("--port <number>", "port to listen at; 0: any that is free").argParser(port).default(4700))
    .option("--host <address>", "address to listen at; others than this machine need a password", "127.0.0.1")
    .option("--user <name>", "name that is asked for with WAYBILL_DASHBOARD_PASSWORD", nonEmpty, "admin")
    .option("--read-only", "serve no route that changes anything")
    .option("--allow-hosts <names>", "the only Host headers that are served: jobs.example.com", list)
    .option("--redact <members>", "members of payloads that are never shown: card.number", list)
    .option("--also <name=url>", "show one more backend, under this name; may be repeated", named);
  examples(
    shared(command).action(dashboard),
    ["waybill dashboard", "at http://127.0.0.1:4700, for this machine"],
    ["waybill dashboard --host 0.0.0.0 --read-only", "for others, by WAYBILL_DASHBOARD_PASSWORD; put TLS in front"],
    ["waybill dashboard --also mail=redis://db:6379", "two backends on one page"],
  );
  section(
    command,
    "Output",
    "One JSON object per line on stdout; the first has the address. Each change is a line of its own: who, what and when.",
  );
}

/** Parses "name=url" and adds it to those of earlier uses of the option. */
function named(text: string, before: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const [, name, url] = /^([\w.-]{1,40})=(.+)$/.exec(text) ?? [];
  if (name === undefined || url === undefined || name === "main" || (before && name in before))
    throw new InvalidArgumentError("Write a name of its own and a URL: mail=redis://db:6379.");
  return { ...before, [name]: url };
}

async function dashboard(options: Options): Promise<void> {
  const { user, readOnly = false, allowHosts, redact, also = {} } = options;
  const password = process.env["WAYBILL_DASHBOARD_PASSWORD"];
  if (password === undefined && !isLoopback(options.host)) {
    throw new UsageError(
      `every machine that reaches ${options.host} could read and change your jobs: set WAYBILL_DASHBOARD_PASSWORD, or leave --host out`,
    );
  }
  const stop = onSignals();
  const [{ basicAuth, createDashboard }, { dashboardListener }] = await Promise.all([
    import("@waybill/dashboard"),
    import("@waybill/dashboard/node"),
  ]);
  // Before anything is opened: a password that is too short is refused.
  const auth = password === undefined ? "loopback" : basicAuth({ user, password });
  const connections = await openAll({ main: options.url, ...also }, options.ledger);
  try {
    const handler = createDashboard({
      connections,
      auth,
      readOnly,
      ...(allowHosts && { hosts: allowHosts }),
      ...(redact && { redact }),
    });
    const serving = await serve(dashboardListener(handler), options);
    if (options.json || !process.stdout.isTTY) printJson({ event: "listening", address: serving.origin, readOnly });
    else printText(`The dashboard is at ${serving.origin}${readOnly ? ", read only" : ""}. Ctrl-C ends it.`);
    await stop.asked;
    stop.onMore(() => void serving.stop(0));
    // Streams of pages never end by themselves; requests that change something take less.
    await serving.stop(1_000);
  } finally {
    await closeAll(connections);
  }
}

/** Opens all, or none: what is open is closed when another one cannot be opened. */
async function openAll(
  urls: Readonly<Record<string, string>>,
  ledger: string | undefined,
): Promise<Record<string, Jobs>> {
  const connections: Record<string, Jobs> = {};
  try {
    for (const [name, url] of Object.entries(urls)) {
      connections[name] = await connect(url, { role: "dashboard", log: "off", ...(name === "main" && { ledger }) });
    }
    return connections;
  } catch (thrown) {
    await closeAll(connections);
    throw thrown;
  }
}

async function closeAll(connections: Readonly<Record<string, Jobs>>): Promise<void> {
  const closing = Object.values(connections).map((jobs) => jobs.close());
  for (const result of await Promise.allSettled(closing)) {
    if (result.status === "rejected") warn(`a connection did not close: ${describeError(result.reason)}`);
  }
}
