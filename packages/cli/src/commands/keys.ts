import type { Command } from "commander";
import { newSecret, requestSecret } from "@waybill/core";
import { examples, section } from "../help.ts";
import { type KeyFlags, keysOption, readSecrets } from "../keys.ts";
import { printJson, printText } from "../print.ts";
import { UsageError } from "../exit.ts";

interface Options extends KeyFlags {
  readonly rotate?: true;
  readonly requests?: true;
  readonly json?: true;
}

export function keysCommand(program: Command): void {
  const command = program
    .command("keys")
    .summary("make a key that signs jobs")
    .description("Print a new secret that signs jobs and pushes, for WAYBILL_KEYS of both ends.")
    .option("--rotate", "put it before the key in use, which goes on being trusted")
    .option("--requests", "print what the keys in use sign requests by, for a sender that is not waybill")
    .addOption(keysOption())
    .option("--json", "print JSON");
  examples(
    command.action(makeKey),
    ["waybill keys", "a new one, on stdout"],
    ["waybill keys --rotate", "a new one, and the first of WAYBILL_KEYS after it"],
    ["waybill keys --requests", "for a library of Standard Webhooks that POSTs to a receiver"],
  );
  section(
    command,
    "Rotation",
    "The first key signs, all are trusted. So: put the new one first with --rotate; deploy whoever verifies (receivers,",
    "workers), then whoever signs (push, producers); and drop the old one when nothing signed with it is under way.",
  );
}

function makeKey(options: Options): void {
  if (options.rotate && options.requests) throw new UsageError("--rotate and --requests are two things; keep one");
  const keys = keysFor(options);
  if (options.json) printJson({ keys });
  else printText(keys.join(" "));
}

function keysFor(options: Options): string[] {
  if (options.requests) return [requestSecret(inUse(options))];
  return options.rotate ? [newSecret(), inUse(options)] : [newSecret()];
}

function inUse(flags: KeyFlags): string {
  const [first] = readSecrets(flags);
  if (first !== undefined) return first;
  throw new UsageError("which key is in use? Give WAYBILL_KEYS or --keys-file; or leave out --rotate and --requests");
}
