import type { Command } from "commander";
import type { Duration, RetryOptions } from "@waybill/core";
import { shared, type SharedOptions } from "../connection.ts";
import { UsageError } from "../exit.ts";
import { examples, section } from "../help.ts";
import { readKeys } from "../keys.ts";
import { placeOf, PUSH_NAMES, type PushFlags, pushOptions, toOption } from "../push-options.ts";
import { runWorker } from "../run-worker.ts";
import { type WorkerFlags, workerOptions } from "../worker-options.ts";

interface Options extends SharedOptions, WorkerFlags, PushFlags {
  readonly to: string;
  readonly unsigned?: true;
}

export function pushCommand(program: Command): void {
  const command = program
    .command("push")
    .summary("POST jobs to an application until told to stop")
    .description("Take jobs from their queue and POST each to an application, which answers what became of it.")
    .addOption(toOption().makeOptionMandatory());
  pushOptions(workerOptions(command, PUSH_NAMES)).option("--unsigned", "send without a signature");
  examples(
    shared(command).action(push),
    ["waybill push --to http://127.0.0.1:3000/work", "the queue `default`, ten at once"],
    ["waybill push --to http://unix:/run/app.sock:/work --queues media,mailers", "over a socket of the file system"],
    [
      "waybill push --to http://localhost --http-path /work --http-connections 50",
      "as Elastic Beanstalk's daemon has it",
    ],
  );
  section(
    command,
    "Answers",
    "A receiver of waybill's settles each job itself. Of any other application 2xx is success, 429 and 503 are later, and",
    "500 is a failed attempt. One that is full, draining, restarting or not there costs no job an attempt.",
  );
  section(
    command,
    "Output",
    "As of `waybill worker`: one JSON object per line on stdout, which ends with the summary.",
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
          "sign with what? Give WAYBILL_KEYS or --keys-file (`waybill keys` makes one), or --unsigned",
        );
      }
      if (keys !== null && options.unsigned) throw new UsageError("there are keys and --unsigned; keep one of the two");
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
