import { describe, expect, test } from "vitest";
import { maskUrl } from "../../src/exports/backend.ts";

describe("user and password never reach a log or an error, however they are written", () => {
  test.each([
    ["amqp://me:pa%40ss@host:5672/v", "amqp://***@host:5672/v"],
    ["redis://:secret@host:6379/0", "redis://***@host:6379/0"],
    ["redis://:se#cret@host:6379/0", "redis://***@host:6379/0"],
    ["redis://:se/cret@host:6379/0", "redis://***@host:6379/0"],
    ["redis://:se?cret@host:6379/0", "redis://***@host:6379/0"],
    ["redis://:se@cr/et@host:6379/0?prefix=a", "redis://***@host:6379/0?prefix=a"],
    ["redis://:12/se?a=b#c@host", "redis://***@host"],
    ["redis://:se\ncret@host", "redis://***@host"],
    ["redis:///:secret@host", "redis:///***@host"],
    ["redis::secret@host", "redis:***@host"],
    ["sqlite://me:secret@host/w.db", "sqlite://***@host/w.db"],
    ["me:secret@host/0", "***@host/0"],
    ['"redis://:secret@host:6379/0"', "redis://***@host:6379/0"],
    ["redis//me:secret@host", "redis//***@host"],
    ["postgres:/me:secret@host/db", "postgres:/***@host/db"],
    ["URL=redis://me:secret@host", "***@host"],
    ["redis://me:secret@host\n", "redis://***@host"],
    ["redis://me:secret@one,redis://me:secret@two", "redis://***@two"],
    ["redis://me:secret@one, two", "redis://***"],
    ["redis://me:secret @host", "redis://***@host"],
    ["postgres://host/db?password=se@cret", "postgres://***"],
    ["postgres://host/db?password=se&cret", "postgres://host/db?password=***&***"],
    ["redis%3A%2F%2Fme%3Asecret%40host", "***"],
    ["redis://me:/secret", "redis://***"],
    ["POSTGRES://me:secret@host/db", "POSTGRES://***@host/db"],
    ["redis://default:secret", "redis://***"],
    ["redis://default:se/cret", "redis://***"],
    ["postgres://me:1@h/db?listen=postgres://me:secret@pooler/db", "postgres://***@pooler/db"],
    [
      "postgres://me:1@h/db?listen=postgres%3A%2F%2Fme%3Ase%40cret%40pooler%2Fdb&schema=a",
      "postgres://***@h/db?listen=postgres%3A%2F%2F***%40pooler%2Fdb&schema=a",
    ],
    ["postgres://host/db?password=secret&sslmode=require", "postgres://host/db?password=***&sslmode=require"],
    ["postgres://host/db?sslmode=require&password=se#cret", "postgres://***"],
    ["sqs://eu-west-1/shop?secretAccessKey=secret", "sqs://eu-west-1/shop?secretAccessKey=***"],
  ])("%s is shown as %s", (url, shown) => {
    expect(maskUrl(url)).toBe(shown);
  });
});

test.each([
  "sqlite:./a@b.db",
  "sqlite:///srv/me:you@b.db?pollMs=40",
  "redis://host:6379/0?prefix={a}",
  "redis://[::1]:6379/0",
  "postgres://a:5432,b:5433/db?sslmode=require",
  "sqs://eu-west-1/shop?endpoint=http://127.0.0.1:4566",
  "amqp://host",
  "memory:",
  "",
])("%s has nothing to hide and is shown whole", (url) => {
  expect(maskUrl(url)).toBe(url);
});
