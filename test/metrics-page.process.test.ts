import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { everySeries } from "./every-series.ts";
import { read } from "./workspace.ts";

const page = read("docs/metrics.md");

test("docs/metrics.md: the program of the page serves probes and metrics", async () => {
  const folder = await mkdtemp(join(tmpdir(), "waybill-page-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  const [, text = ""] = /^```js\n([\s\S]*?)^```/m.exec(page) ?? [];
  const program = text.replace("./waybill.db", join(folder, "waybill.db")).replace("9464", `${port}`);
  const args = ["--conditions=waybill-source", "--no-warnings", "--input-type=module", "-e", program];
  const child = spawn(process.execPath, args, { cwd: new URL(".", import.meta.url), stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  const get = async (path: string): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return `${response.status} ${await response.text()}`;
  };
  await expect.poll(() => get("/ready").catch(() => null), { timeout: 30_000 }).toBe("200 ok\n");
  expect(await get("/health")).toBe("200 ok\n");
  expect(await get("/metrics")).toMatch(/^waybill_slots 10$/m);
  expect(await get("/other")).toMatch(/^404 /);
});

test("docs/metrics.md names every series with its labels, and no other", async () => {
  const series = await everySeries();
  const rows = [...page.matchAll(/^\| (`waybill_[^|]*) \|/gm)].flatMap(([, cell = ""]) => {
    const shared = /`(\{[a-z,]+\})`/.exec(cell)?.[1] ?? "";
    return [...cell.matchAll(/`(waybill_[a-z_]+)(\{[a-z,]+\})?`/g)].map(
      ([, name, labels = shared]) => `${name}${labels}`,
    );
  });
  const shown = series.map(({ name, samples }) => {
    const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
    labels.delete("le");
    return labels.size === 0 ? name : `${name}{${[...labels].join(",")}}`;
  });
  // The server of the tests has no maxmemory; R65 is tested on one that has.
  const limited = ["waybill_backend_memory_limit_bytes", "waybill_backend_memory_ratio"];
  expect(rows.toSorted()).toEqual([...shown, ...limited].sort());
});

test("docs/metrics.md: its yaml and its alerts ask for series that there are", async () => {
  const series = await everySeries();
  const stored = series.flatMap(({ name, samples }) => samples.map(({ suffix }) => `${name}${suffix}`));
  const names = new Set([...stored, "waybill_backend_memory_ratio"]);
  const [, yaml = ""] = /^```yaml\n([\s\S]*?)^```/m.exec(page) ?? [];
  const alerts = page.slice(page.indexOf("## What to alert on"));
  const asked = [...`${yaml}${alerts}`.matchAll(/waybill_[a-z_]+/g)].map(([name]) => name);
  expect(yaml).toContain("waybill_desired_workers");
  expect(asked.filter((name) => !names.has(name))).toEqual([]);
});
