import type { Command } from "commander";
import type { Duration, RetryOptions } from "@waybill/core";
import { shared, type SharedOptions } from "../connection.ts";
import { UsageError } from "../exit.ts";
import { examples, section } from "../output/help.ts";
import { readKeys } from "../options/keys.ts";
import { placeOf, PUSH_NAMES, type PushFlags, pushOptions, toOption } from "../options/push.ts";
import { type RecordFlags, recordOptions } from "../options/records.ts";
import { runWorker } from "../run-worker.ts";
import { type WorkerFlags, workerOptions } from "../options/worker.ts";

interface Options extends SharedOptions, WorkerFlags, PushFlags, RecordFlags {
  readonly to: string;
  readonly unsigned?: true;
}

export function pushCommand(program: Command): void {
  const command = program
    .command("push")
    .summary("POST jobs to an application until SIGTERM or SIGINT")
    .description("Lease jobs and POST each to an application, whose response settles it.")
    .addOption(toOption().makeOptionMandatory());
  recordOptions(pushOptions(workerOptions(command, PUSH_NAMES)).option("--unsigned", "send without a signature"));
  examples(
    shared(command).action(push),
    ["waybill push --to http://127.0.0.1:3000/work", "the queue `default`, ten at once"],
    ["waybill push --to http://unix:/run/app.sock:/work --queues media,mailers", "over a unix socket"],
    [
      "waybill push --to http://localhost --http-path /work --http-connections 50",
      "with the option names of Elastic Beanstalk's daemon",
    ],
  );
  section(
    command,
    "Responses",
    "A receiver of @waybill/http decides the outcome of each job. Of any other application 2xx is success, 429 and 503 release",
    "the job, and 500 is a failed attempt. An application that is full, draining or not there costs no job an attempt.",
  );
  section(
    command,
    "Output",
    "One JSON object per line on stdout, text on a terminal; the last line is the summary of the shutdown.",
  );
}

async function push(options: Options): Promise<void> {
  await runWorker({
    options,
    role: "push",
    async load() {
      const keys = readKeys(options);
      if (keys === null && !options.unsigned) {
        throw new UsageError(
          "no key to sign with: set WAYBILL_KEYS or --keys-file (`waybill keys` creates one), or give --unsigned",
        );
      }
      if (keys !== null && options.unsigned)
        throw new UsageError("both keys and --unsigned are given; keep one of them");
      const to = placeOf(options.to, options.httpPath);
      const { sendOverHttp } = await import("@waybill/http");
      const sender = {
        to,
        keys: keys ?? "unsigned",
        contentType: options.mimeType,
        inactivityTimeout: options.inactivityTimeout,
        connectTimeout: options.connectTimeout,
        maxLost: options.maxLost,
        retry: retryOf(options.errorVisibilityTimeout, options.maxRetries),
      };
      return {
        queues: options.queues ?? { default: 1 },
        jobs: ({ events }) => [sendOverHttp({ ...sender, events })],
      };
    },
  });
}

function retryOf(always: Duration | undefined, maxAttempts: number | undefined): RetryOptions {
  return {
    ...(maxAttempts !== undefined && { maxAttempts }),
    ...(always !== undefined && { initial: always, max: always, factor: 1, jitter: false }),
  };
}
