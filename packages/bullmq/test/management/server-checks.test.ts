import { expect, test } from "vitest";
import { findingsOf, parseReport, versionOf } from "../../src/management/server-checks.ts";

const REST = "role:master\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\n";

/** What INFO says on each product, what it is, and what is wrong with it. */
test.for([
  ["redis_version:7.0.15", "redis 7.0.15", null],
  ["redis_version:7.2.4\r\nvalkey_version:8.1.0", "valkey 8.1.0", null],
  ["redis_version:5.0.14", "redis 5.0.14", /redis 5\.0\.14 is too old.*LMOVE/],
  ["redis_version:6.0.20", "redis 6.0.20", /redis 6\.0\.20 is too old/],
  ["redis_version:7.4.0\r\ndragonfly_version:df-v1.25.2", "dragonfly 1.25.2", /the server is dragonfly 1\.25\.2/],
  ["redis_version:7.2.5\r\ngarnet_version:1.0.40", "garnet 1.0.40", /the server is garnet 1\.0\.40/],
  ["redis_version:6.3.4\r\nexecutable:/usr/bin/keydb-server", "keydb 6.3.4", /the server is keydb 6\.3\.4/],
] as const)("INFO with %s is judged by product and version first", ([text, name, says]) => {
  const info = parseReport(`${text}\r\n${REST}`);
  const { product, version } = versionOf(info);
  expect(`${product} ${version}`).toBe(name);
  const first = findingsOf(info, "waybill", false).find(({ severity }) => severity === "failure");
  if (says === null) expect(first).toBeUndefined();
  else
    expect(first).toMatchObject({
      message: expect.stringMatching(says),
      remedy: expect.stringMatching(/6\.2 or newer/),
    });
});
