import { type Command, Option } from "commander";
import { connect, describeError, type Duration } from "@waybill/core";
import { durationMs, warn } from "@waybill/core/endpoint";
import { shared, type SharedOptions } from "../connection.ts";
import { CommandError, UsageError } from "../exit.ts";
import { examples, section } from "../output/help.ts";
import { type KeyFlags, keysOption, readKeys } from "../options/keys.ts";
import { duration, list, port } from "../options/values.ts";
import { onSignals } from "../on-signals.ts";
import { printJson, printText } from "../output/print.ts";
import { isLoopback, serve } from "../serve.ts";

interface Options extends SharedOptions, KeyFlags {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly unsigned?: true;
  readonly allowHosts?: readonly string[];
  readonly drain: Duration;
}

export function ingressCommand(program: Command): void {
  const command = program
    .command("ingress")
    .summary("accept jobs over HTTP until SIGTERM or SIGINT")
    .description("Accept envelopes over HTTP from programs that have no client of the queue, and store each as a job.")
    .addOption(
      new Option("--port <number>", "port to listen at; 0: any that is free").argParser(port).default(8080).env("PORT"),
    )
    .option("--host <address>", "address to listen at; 0.0.0.0: every address of this machine", "127.0.0.1")
    .option("--path <path>", "path for one job per request; batches go to /batch under it", "/jobs")
    .addOption(keysOption())
    .option("--unsigned", "accept unsigned jobs at an address that other machines can reach")
    .option("--allow-hosts <names>", "host names that unsigned requests may use: app.internal", list)
    .option("--drain <duration>", "at shutdown, wait this long for requests that have begun", duration, "20s");
  examples(
    shared(command).action(ingress),
    ["waybill ingress", "signed by WAYBILL_KEYS; without keys, from this machine only"],
    ["waybill ingress --url redis://db:6379 --host 0.0.0.0 --keys-file /run/secrets/keys", "in a container"],
    ["waybill check job.json", "report what is wrong with a refused envelope"],
  );
  section(
    command,
    "Requests",
    "POST /jobs accepts one envelope, POST /jobs/batch one per line; 200 means stored. Requests are signed as in spec/1.0;",
    "without keys only this machine can reach it. GET /health: 200, and 503 during the shutdown.",
  );
  section(command, "Output", "One JSON object per line on stdout; the first has the address.");
}

async function ingress(options: Options): Promise<void> {
  const keys = readKeys(options);
  if (keys === null && !options.unsigned && !isLoopback(options.host)) {
    throw new UsageError(
      `every machine that reaches ${options.host} could enqueue any job: set WAYBILL_KEYS or --keys-file (\`waybill keys\` creates one), or give --unsigned`,
    );
  }
  if (keys !== null && options.unsigned) throw new UsageError("both keys and --unsigned are given; keep one of them");
  const stop = onSignals();
  const { createIngress } = await import("@waybill/http");
  const { nodeListener } = await import("@waybill/http/node");
  const to = await connect(options.url, { role: "ingress", ledger: options.ledger });
  try {
    const { path, allowHosts } = options;
    const endpoint = createIngress({ to, path, keys: keys ?? "unsigned", ...(allowHosts && { allowHosts }) });
    const serving = await serve(nodeListener(endpoint), options);
    const address = `${serving.origin}${path}`;
    if (options.json || !process.stdout.isTTY) printJson({ event: "listening", address, signed: keys !== null });
    else printText(`Listening at ${address}, ${keys === null ? "unsigned" : "signed"}. Ctrl-C ends it.`);
    await stop.asked;
    stop.onMore(() => void serving.stop(0));
    const left = await serving.stop(durationMs(options.drain, "--drain"));
    if (left > 0)
      throw new CommandError("UNFINISHED", `${left} requests were cut off; their senders can send them again`);
  } finally {
    await to.close().catch((thrown: unknown) => warn(`the connection did not close: ${describeError(thrown)}`));
  }
}
