import { expect, test } from "vitest";
import { assertNoFragment, decodeUrlPart, parseServerUrl } from "../../../src/backend/shared/server-url.ts";

const rules = {
  kind: "a Redis URL",
  schemes: ["redis", "rediss"],
  example: "redis://host:6379/0",
  escaped: "user, password and prefix",
};

test("a URL with one of the schemes is parsed", () => {
  expect(parseServerUrl("REDISS://user:p%40ss@host:1/2?prefix=a", rules)).toMatchObject({
    protocol: "rediss:",
    hostname: "host",
    port: "1",
    pathname: "/2",
    search: "?prefix=a",
  });
});

test.each([
  ["http://host", '"http://host" is not a Redis URL; write it as redis://host:6379/0'],
  ["redis:host", '"redis:host" is not a Redis URL; write it as redis://host:6379/0'],
  ["redis://host:port", '"redis://***" is not a Redis URL; write it as redis://host:6379/0'],
  ["redis://h#1", '"redis://***" has a fragment, which means nothing here; remove it, or write # as %23'],
  [
    "redis://u:1/hunter2@h",
    '"redis://***@h" has an @ behind its host; in user, password and prefix write / as %2F, ? as %3F, @ as %40',
  ],
  [
    "redis://u:1?hunter2@h",
    '"redis://***@h" has an @ behind its host; in user, password and prefix write / as %2F, ? as %3F, @ as %40',
  ],
])("%s is refused, and shows no secret", (url, message) => {
  expect(() => parseServerUrl(url, rules)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID", message }));
});

test("a parameter may hold a URL of its own, and errors may name the URL otherwise", () => {
  const nested = { ...rules, nested: "listen", shown: "the URL" };
  expect(parseServerUrl("redis://h?listen=redis://u:p@h2&prefix=a", nested).hostname).toBe("h");
  expect(() => parseServerUrl("redis://h?prefix=redis://u:p@h2", nested)).toThrow(/^the URL has an @ behind its host/);
});

test("an escape that is none is refused, and a fragment", () => {
  expect(decodeUrlPart("a%20b", "the password", '"redis://h"')).toBe("a b");
  expect(() => decodeUrlPart("%zz", "the password", '"redis://h"')).toThrow(
    '"redis://h": the password has a % that is not an escape; write a real percent sign as %25',
  );
  expect(() => assertNoFragment(undefined, "the URL")).not.toThrow();
  expect(() => assertNoFragment("#a", "the URL")).toThrow(/the URL has a fragment/);
});
