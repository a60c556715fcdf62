import { connect } from "@waybill/core";
import type { ExaminableBackend } from "@waybill/core/backend";
import { memoryBackend } from "@waybill/core/memory";
import { expect, test } from "vitest";

/** The memory backend, saying of itself that it is another product. */
async function connectTo(product: string, version: string, services: Record<string, string>): Promise<void> {
  const open = memoryBackend();
  const said = async (): Promise<ExaminableBackend> => ({
    ...(await open()),
    doctor: { server: { product, version }, settings: [], checks: async () => [] },
  });
  const jobs = await connect(said, { log: "off", services });
  await jobs.close();
}

test.each([
  ["7.0.15", ">=6.2 <8"],
  ["6.2.0", ">=6.2 <8"],
  ["15.20 (Debian 15.20-0+deb12u1)", "15"],
  ["3.10.8", "=3.10"],
  ["8.0", ">7"],
  ["7.4.1", "<=7.4"],
])("a server %s fits the range %s", async (version, range) => {
  await expect(connectTo("redis", version, { redis: range })).resolves.toBeUndefined();
});

test.each([
  ["7.0.15", ">=7.2"],
  ["8.0.1", ">=6.2 <8"],
  ["14.9", "15"],
  ["7.0", ">7"],
  ["10.0", "<9.5"],
])("R21: a server %s outside the range %s is refused at start, both versions named", async (version, range) => {
  await expect(connectTo("redis", version, { redis: range })).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(new RegExp(`redis is ${version}.*"${range}"`)),
  });
});

test("ranges of other products are kept for the day the URL changes", async () => {
  await expect(connectTo("redis", "7.0.15", { postgres: ">=13" })).resolves.toBeUndefined();
});

test.each(["", "latest", "^7.0", ">=6.2, <8"])("%j is no range, whichever server answers", async (range) => {
  await expect(connectTo("redis", "7.0.15", { postgres: range })).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("services.postgres"),
  });
});
