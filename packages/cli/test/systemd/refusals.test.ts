import { expect, test } from "vitest";
import { createProgram } from "../../src/program.ts";

const UNIT = ["--name", "mailer", "--user", "app", "--directory", "/srv/app"];
const EXEC = ["--exec", "node_modules/.bin/waybill worker --jobs dist/jobs.js --drain 1m"];

test.for([
  [[], "give --name, or --drop-in for a unit that is there already"],
  [["--name", "mailer"], "give --exec"],
  [["--name", "mailer", ...EXEC], "give --user"],
  [[...UNIT.slice(0, 4), ...EXEC], "give --directory"],
  [["--name", "my mailer", ...UNIT.slice(2), ...EXEC], '--name is "my mailer"; write the name of a service'],
  [[...UNIT.slice(0, 4), ...EXEC, "--directory", "app"], "--directory is app; write an absolute path"],
  [[...UNIT, ...EXEC, "--environment-file", "/etc/*.env"], "--environment-file is /etc/*.env; a unit file takes no"],
  [[...UNIT, ...EXEC, "--drain", "2m"], "--exec has --drain already; keep one of them"],
  [[...UNIT, "--exec", "waybill worker --drain soon"], "--exec has --drain soon: Write a number and a unit"],
  [[...UNIT, ...EXEC, "--after", "redis"], '--after is "redis"; write the name of a unit with its type'],
  [["--drop-in", "web", "--user", "app"], "--user belongs to a unit, and --drop-in changes only how web.service stops"],
  [[...UNIT.slice(0, 4), ...EXEC, "--directory", '/srv/a"b'], '--directory is /srv/a"b; a unit file takes no quote'],
  [["--drop-in", "web.timer"], '--drop-in is "web.timer", a .timer unit; write the name of its service'],
  [["--drop-in", "web", "--exec", "/srv/50%/waybill worker"], 'systemd does not take "%" there'],
  [["--drop-in", "web", "--exec", "bin/waybill worker"], "a relative path; give --directory, or an absolute path"],
  [[...UNIT, ...EXEC, "--kill-mode", "none"], "Allowed choices are mixed, control-group"],
] as const)("waybill systemd %j is refused", async ([args, error]) => {
  const program = createProgram();
  await expect(program.parseAsync(["systemd", ...args], { from: "user" })).rejects.toThrow(error);
});
