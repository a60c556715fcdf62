import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isWaybillError } from "@waybill/core";
import { afterEach, expect, test } from "vitest";
import { migrate } from "../../src/index.ts";
import { lease, message, open } from "../temporary-file.ts";

const mounts: string[] = [];

afterEach(() => {
  for (const folder of mounts.splice(0)) {
    spawnSync("umount", ["--lazy", folder]);
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Mounts a file system in memory; null where this user may not mount one. */
function smallDisk(size: string): string | null {
  const folder = mkdtempSync(join(tmpdir(), "waybill-disk-"));
  if (spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder]).status !== 0) {
    rmSync(folder, { recursive: true });
    return null;
  }
  mounts.push(folder);
  return folder;
}

test("a full disk rejects enqueue as BACKEND_FULL, loses nothing, and writes succeed again once there is space", async (context) => {
  const folder = smallDisk("3m");
  if (folder === null) return context.skip("mounting a small disk needs root");
  const filler = join(folder, "filler");
  writeFileSync(filler, Buffer.alloc(1_500_000));
  const backend = await open({ path: join(folder, "waybill.db") });
  const stored: string[] = [];
  let refusal: unknown;
  while (refusal === undefined) {
    const batch = Array.from({ length: 20 }, () => message({ body: "x".repeat(1_000) }));
    try {
      const results = await backend.enqueue(batch);
      stored.push(...results.flatMap((result) => (result.ok ? [result.value.id] : [])));
    } catch (thrown) {
      refusal = thrown;
    }
  }
  expect(isWaybillError(refusal, "BACKEND_FULL")).toBe(true);
  expect(String(refusal)).toMatch(/waybill\.db.*free some/);
  expect(stored.length).toBeGreaterThan(100);
  rmSync(filler);
  const later = message();
  expect(await backend.enqueue([later])).toMatchObject([{ ok: true, value: { stored: true } }]);
  const taken = await lease(backend, { limit: 5_000 });
  expect(taken.map(({ id }) => id)).toEqual([...stored, later.id]);
  expect((await backend.ack(taken)).every(({ ok }) => ok)).toBe(true);
  return undefined;
});

test("a folder that cannot be written is refused when the file is opened", async (context) => {
  const folder = smallDisk("3m");
  if (folder === null) return context.skip("mounting a read-only disk needs root");
  const path = join(folder, "waybill.db");
  await migrate(`sqlite:${path}`);
  spawnSync("mount", ["-o", "remount,ro", folder]);
  const refusal = { code: "CONFIG_INVALID", message: expect.stringMatching(/cannot be written; let this user write/) };
  await expect(open({ path })).rejects.toMatchObject(refusal);
  await expect(open({ path: join(folder, "new.db") })).rejects.toMatchObject(refusal);
  return undefined;
});

test("a file that this user may not write is refused, as is a new one in a closed folder", async (context) => {
  if (process.getuid?.() === 0) return context.skip("root may write anything");
  const folder = mkdtempSync(join(tmpdir(), "waybill-closed-"));
  mounts.push(folder);
  chmodSync(folder, 0o555);
  await expect(open({ path: join(folder, "new.db") })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  chmodSync(folder, 0o755);
  return undefined;
});
