/**
 * Core's errors name its calls and options, for programmers. Each entry is such a phrase, and what a person types instead.
 * command-words.process.test.ts finds a phrase that is missing here.
 */
const PHRASES: readonly (readonly [inCode: RegExp, toType: string])[] = [
  [/\blist and find cannot work/, '"waybill jobs list" and "show" cannot work'],
  [/\brunNow cannot work/, '"waybill jobs run" cannot work'],
  [
    /\bwith records, connect\(url, \{ ledger, records: "7d" \}\), their record is listed/,
    "where the program keeps records, --ledger postgres://… lists their record",
  ],
  [
    /\bjobs\.inspector counts them, jobs\.cancel records/,
    '"waybill queues" counts them, "waybill jobs cancel ID" records',
  ],
  [/\bpauses needs a ledger/, '"waybill pause" needs a ledger'],
  [
    /\bgive (?:the connection one(?: of another backend)?|it one), as in (?:connect\(url, )?\{ ledger: "postgres:\/\/…" \}\)?/,
    "give it the one of another backend: --ledger postgres://…",
  ],
  [/\(ledger: "postgres:\/\/…", or \?ledger= in its URL\)/, "(--ledger postgres://…)"],
  [/\bcall runNow to run jobs at once/, '"waybill jobs run" runs them at once'],
  [/\bwrite \[.*\] to derive one from it/, "leave --id out for a new one"],
  [/, or set onConflict: "ignore"/, '; "waybill jobs show ID" shows the other'],
  [
    /\bpass its definition to connect\(\{ jobs \}\).*--no-registry\)/,
    "export it from the file of --jobs, or give --no-registry",
  ],
  [
    /\b(?:for Sentinel or a socket hand in|pass) an ioredis client(?: that knows the sentinels)?: bullmqBackend\(\{ client \}\)/,
    "the command uses neither Sentinel nor a socket: give the URL of the primary",
  ],
  [/, or open connections yourself: rabbitmqBackend\(\{ connect \}\)/, ""],
];

/** Returns an error's message with core's calls replaced by the commands and options to type. */
export function inCommands(message: string): string {
  return PHRASES.reduce((text, [inCode, toType]) => text.replace(inCode, () => toType), message);
}
