import { keyRing, newSecret } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { jsonLines, waybill } from "./cli.ts";

describe("waybill keys", () => {
  test("prints a new secret and nothing else", async () => {
    const [one, other] = await Promise.all([waybill(["keys"]), waybill(["keys", "--json"])]);
    expect(one).toMatchObject({ code: 0, stderr: "" });
    expect(one.stdout).toMatch(/^whsec_[A-Za-z0-9+/]{43}=\n$/);
    const [{ keys = [] } = {}] = jsonLines(other.stdout) as { keys?: string[] }[];
    expect(keys).toHaveLength(1);
    expect(keys[0]).not.toBe(one.stdout.trim());
  });

  test("--rotate puts it before the key in use: the new one signs, both are trusted, and the one before is dropped", async () => {
    const [used, old] = [newSecret(), newSecret()];
    const { stdout } = await waybill(["keys", "--rotate"], { env: { WAYBILL_KEYS: `${used},${old}` } });
    const signed = { id: "a", timestamp: 1, body: "b" };
    const rotated = keyRing(stdout);
    expect(rotated.verify(signed, keyRing(used).sign(signed))).toBe(true);
    expect(rotated.verify(signed, keyRing(old).sign(signed))).toBe(false);
    expect(keyRing(used).verify(signed, rotated.sign(signed))).toBe(false);
  });

  test("--rotate without a key in use is refused", async () => {
    const { code, stdout, stderr } = await waybill(["keys", "--rotate"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("which key is in use?");
  });
});
