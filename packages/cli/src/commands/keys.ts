import type { Command } from "commander";
import { newSecret, requestSecret } from "@waybill/core";
import { examples, section } from "../output/help.ts";
import { type KeyFlags, keysOption, readSecrets } from "../options/keys.ts";
import { printJson, printText } from "../output/print.ts";
import { UsageError } from "../exit.ts";

interface Options extends KeyFlags {
  readonly rotate?: true;
  readonly requests?: true;
  readonly json?: true;
}

export function keysCommand(program: Command): void {
  const command = program
    .command("keys")
    .summary("create a key that signs jobs")
    .description("Print a new secret that signs jobs and pushes, for WAYBILL_KEYS of both sides.")
    .option("--rotate", "print it before the key in use, which stays trusted")
    .option("--requests", "print the secret that signs requests, for a sender that is not waybill")
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
    "The first key signs, all are trusted. To rotate: add the new key at the end of every list (receivers, relays, ingress,",
    "workers, push, producers); when all have it, put it first where jobs are signed (push, producers), in the order that",
    "--rotate prints; remove the old key once no job signed with it is left.",
  );
}

function makeKey(options: Options): void {
  if (options.rotate && options.requests) throw new UsageError("--rotate and --requests exclude each other; keep one");
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
  throw new UsageError("no key in use is given: set WAYBILL_KEYS or --keys-file, or omit --rotate and --requests");
}
