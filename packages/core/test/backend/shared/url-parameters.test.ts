import { expect, test } from "vitest";
import * as parameter from "../../../src/backend/shared/url-parameters.ts";

const { anyText, digits, ignored, matching, oneOf, pemFile, readUrlParameters, trueOrFalse } = parameter;
const table = {
  prefix: anyText,
  strict: trueOrFalse,
  callTimeoutMs: digits,
  family: oneOf(0, 4, 6),
  verify: oneOf("required", "NONE"),
  schema: matching(/^[a-z]+$/, "write lower-case letters"),
  heartbeat: ignored(/^\d+$/, "write seconds"),
  keepalives: ignored(),
  ca: pemFile,
};
const place = {
  shown: '"redis://h"',
  tlsScheme: "rediss://",
  instead: { password: "write it before the host" },
  known: ["prefix", "strict"],
};
const read = (query: string, tlsScheme: string | null = null) =>
  readUrlParameters(new URLSearchParams(query), table, { ...place, tlsScheme });

test("parameters set the options of their names, and what a URL does not have is absent", () => {
  expect(read("")).toEqual({});
  const values = read("prefix=a%20b&strict=false&callTimeoutMs=10&family=6&verify=none&schema=jobs");
  expect(values).toEqual({
    prefix: "a b",
    strict: false,
    callTimeoutMs: 10,
    family: 6,
    verify: "NONE",
    schema: "jobs",
  });
  const family: 0 | 4 | 6 | undefined = values.family;
  expect(family).toBe(6);
});

test("a parameter of other programs is checked and left out", () => {
  expect(read("heartbeat=10&keepalives=yes")).toEqual({});
});

test("a parameter that connect reads is named as such, where a URL was passed to a package itself", () => {
  expect(() => read("ledger=redis%3A%2F%2Fh")).toThrow(
    'has the parameter "ledger": connect reads it; pass the URL to connect',
  );
  expect(() => read("toString=1")).toThrow('has an unknown parameter "toString"');
});

test("a file is read", () => {
  expect(read(`ca=${import.meta.filename}`).ca).toMatch(/a file is read/);
});

test.each([
  ["stric=true", '"redis://h" has an unknown parameter "stric"; did you mean "strict"?'],
  ["zzz=1", '"redis://h" has an unknown parameter "zzz"; known are: prefix, strict'],
  ["toString=1", '"redis://h" has an unknown parameter "toString"; known are: prefix, strict'],
  ["password=x", '"redis://h" has the parameter "password": write it before the host'],
  ["strict=true&strict=true", '"redis://h" sets "strict" twice; keep one'],
  ["strict=yes", '"redis://h": strict is "yes"; write true or false'],
  ["callTimeoutMs=1s", '"redis://h": callTimeoutMs is "1s"; write a whole number'],
  ["family=5", '"redis://h": family is "5"; write one of 0, 4, 6'],
  ["schema=A", '"redis://h": schema is "A"; write lower-case letters'],
  ["heartbeat=off", '"redis://h": heartbeat is "off"; write seconds'],
])("%s is refused with what to write", (query, message) => {
  expect(() => read(query)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID", message }));
});

test("a file that cannot be read is refused with the reason", () => {
  expect(() => read("ca=/nowhere.pem")).toThrow(
    /ca is "\/nowhere\.pem" \(ENOENT.*\); name a PEM file that can be read/,
  );
});

test("a parameter of TLS is refused in a URL without TLS", () => {
  const message = '"redis://h": ca is "/nowhere.pem", which is of TLS; begin the URL with "rediss://"';
  expect(() => read("ca=/nowhere.pem", "rediss://")).toThrow(expect.objectContaining({ message }));
});
