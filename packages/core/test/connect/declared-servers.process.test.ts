import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const core = new URL("../../src/index.ts", import.meta.url).href;
const memory = new URL("../../src/memory/index.ts", import.meta.url).href;

/** Connects to a "redis 7.0.15" in a process whose folder has this package.json; returns "connected" or the error. */
async function connectIn(manifest: string | null, options = "{}", call = "connect"): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "waybill-services-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  if (manifest !== null) writeFileSync(join(folder, "package.json"), manifest);
  const program = `
    import { ${call} } from ${JSON.stringify(core)};
    import { memoryBackend } from ${JSON.stringify(memory)};
    const open = memoryBackend();
    const doctor = { server: { product: "redis", version: "7.0.15" }, settings: [], checks: async () => [] };
    try {
      const jobs = await ${call}(async () => ({ ...(await open()), doctor }), { log: "off", ...${options} });
      await jobs.close();
      console.log("connected");
    } catch (error) {
      console.log(error.code + ": " + error.message);
    }`;
  const args = ["--conditions=waybill-source", "--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  return stdout.trim();
}

const declaring = (services: unknown): string => JSON.stringify({ name: "app", waybill: { services } });

test.each(["connect", "connectProducer"])(
  "R21: %s refuses a server that package.json does not declare",
  async (call) => {
    expect(await connectIn(declaring({ redis: ">=7.2" }), "{}", call)).toMatch(
      /^CONFIG_INVALID: redis is 7\.0\.15, and this program declares redis ">=7\.2"/,
    );
  },
);

test("a server within the range that package.json declares is accepted", async () => {
  expect(await connectIn(declaring({ redis: ">=6.2 <8" }))).toBe("connected");
});

test("services of the code count instead of those of package.json", async () => {
  expect(await connectIn(declaring({ redis: ">=7.2" }), '{ services: { redis: "7" } }')).toBe("connected");
  expect(await connectIn(declaring({ redis: "7" }), '{ services: { redis: ">=7.2" } }')).toMatch(/^CONFIG_INVALID/);
});

test.each([
  ["no package.json", null],
  ["one that declares nothing", '{ "name": "app" }'],
  ["one of another shape", "[1]"],
])("%s declares no services", async (_, manifest) => {
  expect(await connectIn(manifest)).toBe("connected");
});

test.each([
  ["not JSON", "{", /not JSON/],
  ["a list of services", declaring(["redis"]), /waybill\.services is .*; give an object/],
  ["a range that is none", declaring({ redis: "latest" }), /services\.redis is "latest"/],
])("%s is refused", async (_, manifest, message) => {
  const said = await connectIn(manifest);
  expect(said).toMatch(/^CONFIG_INVALID/);
  expect(said).toMatch(message);
});
