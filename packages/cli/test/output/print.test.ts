import { WaybillError } from "@waybill/core";
import { afterEach, expect, test, vi } from "vitest";
import { printError } from "../../src/output/print.ts";

afterEach(() => vi.restoreAllMocks());

function printed(message: string, argv: readonly string[]): string {
  let text = "";
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  printError(new WaybillError("CONFIG_INVALID", message), true, argv);
  return text;
}

test.each([
  ["cron", "*/10 * * * * *", ["--cron", "*/10 * * * * *"]],
  ["cron", "@fortnightly", ["--cron=@fortnightly"]],
  ["timeZone", "Europe/Wien Ost", ["--time-zone", "Europe/Wien Ost"]],
  ["directory", "/srv/my app*", ["--directory", "/srv/my app*"]],
])("an error shows the %s that it refuses: %s", (name, value, argv) => {
  expect(printed(`${name} of the schedule is "${value}"`, argv)).toContain(value);
});

test.each([
  ["the value of --url", ["--url", "amqp//user:pw@host"]],
  ["a URL that stands where a time should", ["--cron", "amqp://user:pw@host"]],
  ["a URL that stands where a folder should", ["--directory", "amqp:/user:pw@host"]],
])("an error never shows the password in %s", (_, argv) => {
  const [, url = ""] = argv;
  const text = printed(`no such thing: ${url}`, argv);
  expect(text).toContain("***");
  expect(text).not.toContain("pw");
});
