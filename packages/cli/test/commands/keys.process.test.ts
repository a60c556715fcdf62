import { keyRing, newSecret, requestSecret } from "@waybill/core";
import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { freshPlace, jsonLines, waybill } from "../cli.ts";

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

  test("--requests prints what a library of Standard Webhooks is given, derived from the key in use", async () => {
    const secret = newSecret();
    const { stdout } = await waybill(["keys", "--requests"], { env: { WAYBILL_KEYS: secret } });
    expect(stdout).toBe(`${requestSecret(secret)}\n`);
    expect((await waybill(["keys", "--requests"])).stderr).toContain("no key in use is given");
    const both = await waybill(["keys", "--requests", "--rotate"], { env: { WAYBILL_KEYS: secret } });
    expect(both).toMatchObject({ code: 2, stdout: "" });
  });

  test("--rotate without a key in use is refused", async () => {
    const { code, stdout, stderr } = await waybill(["keys", "--rotate"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("no key in use is given");
  });

  describe("a file of keys", () => {
    const rotated = async (mode: number, link = false) => {
      const { folder } = freshPlace();
      const [file, name] = [join(folder, "keys"), join(folder, "link")];
      writeFileSync(file, newSecret());
      chmodSync(file, mode);
      symlinkSync(file, name);
      return waybill(["keys", "--rotate", "--keys-file", link ? name : file]);
    };

    test("that others than its owner may write is refused, also behind a link", async () => {
      const answers = await Promise.all([rotated(0o666), rotated(0o602), rotated(0o620), rotated(0o666, true)]);
      for (const { code, stdout, stderr } of answers) {
        expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
        expect(stderr).toMatch(/has the mode 06\d\d: others than its owner may write it.*chmod 600/);
        expect(stderr).not.toContain("whsec_");
      }
    });

    test("that everybody may read, as Kubernetes mounts secrets, is taken with a warning", async () => {
      const { code, stderr } = await rotated(0o644, true);
      expect(code).toBe(0);
      expect(stderr).toMatch(/has the mode 0644: every user of this machine can read the keys/);
    });

    test("that only its owner, or its group too, may read is taken without a word", async () => {
      for (const answer of await Promise.all([rotated(0o600), rotated(0o640), rotated(0o400)])) {
        expect(answer).toMatchObject({ code: 0, stderr: "" });
      }
    });
  });
});
