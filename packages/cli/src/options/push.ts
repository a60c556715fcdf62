import { type Command, InvalidArgumentError, Option } from "commander";
import type { Duration } from "@waybill/core";
import { UsageError } from "../exit.ts";
import { type KeyFlags, keysOption } from "./keys.ts";
import { duration, wholeNumber } from "./values.ts";
import type { WorkerOptionNames } from "./worker.ts";

/** Options of `push`. Where Elastic Beanstalk's daemon has the setting, name and default are the daemon's. */
export interface PushFlags extends KeyFlags {
  readonly to?: string;
  readonly httpPath?: string;
  readonly mimeType: string;
  readonly inactivityTimeout: Duration;
  readonly connectTimeout: Duration;
  readonly errorVisibilityTimeout?: Duration;
  readonly maxRetries?: number;
}

/** Two options of every worker, with the daemon's names for them. */
export const PUSH_NAMES: WorkerOptionNames = {
  concurrency: "--http-connections, --concurrency",
  lease: "--visibility-timeout, --lease",
  queues: "default",
};

export function toOption(): Option {
  return new Option("--to <url>", "where to POST: http://HOST/PATH, https:, http://unix:/PATH/TO.SOCK:/PATH").env(
    "WAYBILL_TO",
  );
}

export function pushOptions(command: Command): Command {
  return command
    .option("--http-path <path>", "instead of a path in --to")
    .option("--mime-type <type>", "content type of the POST", "application/json")
    .option("--inactivity-timeout <duration>", "wait this long for a response, then send again", duration, "299s")
    .option("--connect-timeout <duration>", "wait this long for a connection", duration, "5s")
    .option(
      "--error-visibility-timeout <duration>",
      "delay after a failure whose response names none (default: the retry schedule)",
      duration,
    )
    .option("--max-retries <count>", "attempts for an application that does not count them (default: 10)", attempts)
    .addOption(keysOption())
    .addOption(
      new Option("--retention-period <duration>", "not supported").hideHelp().argParser(() => {
        throw new InvalidArgumentError(
          "A job ends by its own expires_at (`expiresIn` at enqueue), not by its age here.",
        );
      }),
    );
}

function attempts(text: string): number {
  const count = wholeNumber(1)(text);
  if (count <= 100) return count;
  throw new InvalidArgumentError("Write a whole number from 1 to 100.");
}

/** Returns the URL of `--to` with the path of `--http-path`. Throws `UsageError` if both have a path. */
export function placeOf(to: string, httpPath: string | undefined): string {
  if (httpPath === undefined) return to;
  if (!httpPath.startsWith("/")) throw new UsageError(`--http-path is "${httpPath}": begin it with a slash`);
  const [, origin] = /^(https?:\/\/(?:unix:\/[^:]+|[^/?#]+)):?\/?$/.exec(to) ?? [];
  if (origin === undefined) throw new UsageError("--to has a path already; leave it out, or leave out --http-path");
  return to.startsWith("http://unix:") ? `${origin}:${httpPath}` : `${origin}${httpPath}`;
}
