import { connect } from "@waybill/core";
import { serviceUrl } from "@waybill/test-servers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { run } from "../../src/program.ts";
import { fixture, freshPlace } from "../cli.ts";

let printed = { stdout: "", stderr: "" };

beforeEach(() => {
  printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      printed[name] += String(text);
      return true;
    });
  }
});
afterEach(() => vi.restoreAllMocks());

const jobs = fixture("jobs");
const every = ["--every", "1m"];
const put = (...args: string[]): string[] => ["schedules", "put", "s", ...args];
const id = "0199a3c2-0000-7000-8000-000000000000";

/** Wrong input, the exit code, and what the error says to type. */
const mistakes: readonly (readonly [line: readonly string[], code: number, says: string])[] = [
  ...["pause", "resume", "run", "remove"].flatMap((verb): [string[], number, string][] => [
    [["schedules", verb, "nope"], 1, '"waybill schedules list" shows those there are'],
    [["schedules", verb, ""], 2, "is a variable of the shell unset?"],
  ]),
  [put("t", "--no-registry"), 2, "needs one of --cron, --every and --after-completion"],
  [put("t", "--every", "10ms", "--no-registry"), 2, "--every of schedule"],
  [put("t", "--cron", "* * * * *", "--time-zone", "Mars/X", "--no-registry"), 2, "--time-zone of schedule"],
  [put("t", "--cron", "* * * * * *", "--no-registry"), 2, "For seconds, use --every 10s"],
  [put("t", "--cron", "99 * * * *", "--no-registry"), 2, "--cron of schedule"],
  [put("t", ...every, "--max-missed", "3", "--no-registry"), 2, "--max-missed, which needs --missed run_all"],
  [put("t", ...every, "--jitter", "2m", "--no-registry"), 2, "shorter than --every"],
  [put("t", "--after-completion", "1m", "--overlap", "skip", "--no-registry"), 2, "no meaning with --after-completion"],
  [put("a b", ...every, "--no-registry"), 2, "the type of a schedule's job"],
  [put("t", ...every), 2, "give --jobs FILE"],
  [put("t", ...every, "--jobs", jobs), 1, "export it from the file of --jobs, or give --no-registry"],
  [put("t", ...every, "--queue", "a b", "--no-registry"), 2, "lower-case letters"],
  [["jobs", "show", "nope"], 1, 'no job has the id "nope"'],
  [["jobs", "show", ""], 2, "is a variable of the shell unset?"],
  [["jobs", "list", "--queue", ""], 2, "is a variable of the shell unset?"],
  [["jobs", "list", "--since", "never"], 2, "2026-12-01T08:00:00Z"],
  [["jobs", "list", "--limit", "0"], 2, "1 or more"],
  [["jobs", "cancel", ""], 2, "is a variable of the shell unset?"],
  [["jobs", "cancel", "nope"], 1, 'no job has the id "nope"'],
  [["jobs", "cancel", "--type", "", "--all"], 2, "is a variable of the shell unset?"],
  [["jobs", "cancel", "--all", "--state", "dead"], 2, "Allowed choices are ready"],
  [["jobs", "run", "nope"], 1, 'no job has the id "nope"'],
  [["jobs", "run"], 2, "an ID, or --all"],
  [["jobs", "reschedule", "nope", "--in", "1h"], 1, 'no job has the id "nope"'],
  [["jobs", "reschedule", "nope", "--in", "0"], 2, '"waybill jobs run" runs them at once'],
  [["jobs", "reschedule", "nope", "--at", "2020-01-01T00:00:00Z"], 2, '"waybill jobs run" runs them at once'],
  [["pause", "--queue", "a b"], 2, "lower-case letters"],
  [["pause", "--queue", ""], 2, "lower-case letters"],
  [["pause", "--type", "a b"], 2, "lower-case words"],
  [["resume"], 2, "--queue NAME or --type TYPE"],
  [["resume", "--queue", "a b"], 2, "lower-case letters"],
  [["drain"], 2, "--queue NAME"],
  [["drain", "--queue", ""], 2, "media,mailers"],
  [["dead", "show", "nope"], 1, '"waybill dead list" shows those there are'],
  [["dead", "show", ""], 2, "is a variable of the shell unset?"],
  [["dead", "replay"], 2, "--id ID, or --all"],
  [["dead", "drop", "--queue", "", "--all"], 2, "is a variable of the shell unset?"],
  [["enqueue", "t", "--no-registry", "--id", "k1"], 2, "leave --id out for a new one"],
  [["enqueue", "t", "--jobs", jobs], 1, "export it from the file of --jobs, or give --no-registry"],
  [["enqueue", "t", "--no-registry", "--queue", "a b"], 2, "lower-case letters"],
  [["queues", "--url", ""], 2, "is a variable of the shell unset?"],
  [["queues", "--url", "redis+sentinel://h:1"], 2, "give the URL of the primary"],
  [["queues", "--url", "redis://h?sentinels=a"], 2, "give the URL of the primary"],
  [["queues", "--url", "amqp://h?auth_mechanism=gssapi"], 2, "write plain"],
];

/** The same on a broker that cannot look into its queues, without a ledger. */
const refusals: readonly (readonly [line: readonly string[], says: string])[] = [
  [["jobs", "list"], '"waybill queues" counts them'],
  [["jobs", "show", id], '"waybill jobs list" and "show" cannot work'],
  [["jobs", "run", id], '"waybill jobs run" cannot work'],
  [["jobs", "reschedule", id, "--in", "10m"], '"waybill jobs cancel ID" records a cancel'],
  [["jobs", "cancel", id], "--ledger postgres://…"],
  [["jobs", "cancel", "--queue", "a", "--all"], '"waybill queues" counts them'],
  [["pause"], "--ledger postgres://…"],
  [["pause", "--queue", "a"], "--ledger postgres://…"],
  [["pause", "--type", "a"], "--ledger postgres://…"],
  [["resume", "--queue", "a"], "--ledger postgres://…"],
  [["schedules", "list"], "--ledger postgres://…"],
  [["schedules", "run", "a"], "--ledger postgres://…"],
  [put("t", ...every, "--no-registry"), "--ledger postgres://…"],
  [["workers"], "(--ledger postgres://…)"],
];

/** Returns what in a message is a call of the API, or an option as code writes it. */
async function callsIn(message: string): Promise<string[]> {
  const connection = await connect("memory:", { log: "off" });
  const { schedules, inspector } = connection;
  const calls = [...Object.keys(connection), ...Object.keys(schedules), ...Object.keys(inspector ?? {})];
  await connection.close();
  const camelCase = calls.filter((name) => /[A-Z]/.test(name));
  expect(camelCase).toContain("runNow");
  const patterns = [
    ...camelCase.map((name) => `\\b${name}\\b`),
    ...calls.map((name) => `\\b${name}\\(`),
    `\\b(?:jobs|inspector|schedules)\\.[a-z]\\w*`,
    `\\b(?:find|pauses) (?:got|needs|cannot)|\\band find\\b`,
    `\\bcall (?:${calls.join("|")})\\b`,
    `\\b(?:connect|defineJob|defineSchedule|[a-z]+Backend)\\(`,
    `\\{ ?\\w+[,:} ]`,
    `\\[["'][^\\]]*\\]`,
    `\`[a-z][A-Za-z]*:`,
  ];
  return patterns.flatMap((pattern) => message.match(new RegExp(pattern, "g")) ?? []);
}

async function assertErrorOf(line: readonly string[], url: string, code: number, says: string): Promise<void> {
  const target = line.includes("--url") ? [] : ["--url", url];
  expect([await run([...line, ...target]), printed.stdout]).toEqual([code, ""]);
  expect(printed.stderr).toMatch(/^error: /);
  expect(printed.stderr).toContain(says);
  expect(await callsIn(printed.stderr)).toEqual([]);
}

describe("an error of the command names what to type, and no call of the API", () => {
  test.each(mistakes.map(([line, ...rest]) => [line.map((word) => word || "''").join(" "), line, ...rest] as const))(
    "waybill %s",
    async (_, line, code, says) => assertErrorOf(line, freshPlace().url, code, says),
  );

  test.each(refusals.map(([line, says]) => [line.join(" "), line, says] as const))(
    "waybill %s, on SQS without a ledger",
    async (_, line, says) => {
      const url = (await serviceUrl("sqs")).replace(/^(sqs:\/\/[^/?]+)\/?/, `$1/words-${process.pid}`);
      await assertErrorOf(line, url, 1, says);
    },
  );
});
