import { isWaybillError } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { bullmqBackend, fromUrl } from "../../src/index.ts";
import { settingsOf } from "../../src/options/options.ts";
import { optionsFromUrl } from "../../src/options/url-parameters.ts";

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    if (isWaybillError(thrown, "CONFIG_INVALID")) return thrown.message;
    throw thrown;
  }
  throw new Error("nothing was refused");
}

describe("R54: a redis URL", () => {
  test.each([
    ["redis://localhost", { host: "localhost", port: 6_379, db: 0, tls: false }],
    ["redis://localhost/", { host: "localhost", db: 0 }],
    ["redis://cache.example.com:6380/5", { host: "cache.example.com", port: 6_380, db: 5 }],
    ["rediss://app:p%40ss@cache:6379/2", { username: "app", password: "p@ss", db: 2, tls: true }],
    ["redis://:secret@cache", { username: null, password: "secret" }],
    ["redis://[::1]:6379/1", { host: "::1", port: 6_379, db: 1 }],
  ])("%s says where Redis is", (url, where) => {
    expect(settingsOf(optionsFromUrl(url)).server).toMatchObject(where);
  });

  test("sets options by parameters named as they are", () => {
    const settings = settingsOf(optionsFromUrl("redis://h/5?prefix=app&strict=false&callTimeoutMs=900"));
    expect(settings).toMatchObject({ prefix: "app", strict: false, callTimeoutMs: 900, server: { db: 5 } });
    expect(settingsOf(optionsFromUrl("redis://h"))).toMatchObject({ prefix: "waybill", strict: true });
  });

  test.each([
    ["redis://h/5/sidekiq", "write /5?prefix=sidekiq"],
    ["redis://h/5/", 'end the URL after "/5"'],
    ["redis://h/abc", "write ?prefix=abc"],
    ["redis://h/-1", "no database number"],
    ["redis://h?namespace=x", "known are: prefix"],
    ["redis://h?prefix=a&prefix=b", "twice"],
    ["redis://h?strict=no", 'strict is "no"; write true or false'],
    ["redis://h?callTimeoutMs=soon", 'callTimeoutMs is "soon"; write a whole number'],
    ["redis://h?prefix=", "is empty"],
    ["redis://h?ack=all", 'ack is "all"; write one of primary, replicated'],
    ["redis://h?replicas=2", "replicas is set, and enqueue waits for no replica; set ack"],
    ["redis://h?ack=primary&replicaWaitMs=9", "replicaWaitMs is set"],
    ["redis://h?ack=replicated&replicas=0", "bullmq: replicas"],
    ["redis://h?ack=replicated&cluster=true", "this is a Redis Cluster"],
    ["redis://h#x", "has a fragment"],
    ["redis:///5", "redis://host:6379/0"],
    ["redis:h", "redis://host:6379/0"],
    ["redis://:100%@h", "%25"],
    ["redis://me:12/hunter2@h/0", "/ as %2F"],
    ["redis://me:12?hunter2@h/0", "? as %3F"],
    ["redis://h/3?cluster=true", "no database but 0"],
  ])("%s is refused, naming the fix: %s", (url, fix) => {
    expect(refusal(() => fromUrl(url))).toContain(fix);
  });

  test("a refusal never repeats the password", () => {
    for (const url of ["redis://:hunter2@h/5/sidekiq", "redis://me:12/hunter2@h/0", "redis://me:12?hunter2@h/0"]) {
      expect(refusal(() => fromUrl(url))).not.toContain("hunter2");
    }
  });
});

test("neither a URL nor a client is refused", () => {
  expect(refusal(() => bullmqBackend({}))).toContain("either url or client");
});
