import { freePort, startRabbit } from "@waybill/test-servers";
import { expect, onTestFinished, test, vi } from "vitest";
import { fromUrl } from "../src/index.ts";
import { context, freshStore, message } from "./fixture.ts";

test("with the management plugin, the doctor names policies that drop jobs, a disk that is full, and a wrong clock", async () => {
  const port = await freePort();
  const rabbit = await startRabbit({
    plugins: ["rabbitmq_management"],
    config: [`management.tcp.port = ${port}`, "management.tcp.ip = 127.0.0.1"],
  });
  onTestFinished(() => rabbit.stop());
  const management = `http://127.0.0.1:${port}`;
  const { url, prefix } = await freshStore({ management }, { server: rabbit.url, queues: ["default"] });
  const backend = await fromUrl(url)(context);
  onTestFinished(() => backend.close());
  await backend.enqueue([message()]);
  const found = async (check: string) =>
    (await backend.doctor.checks()).filter((finding) => finding.check === `rabbitmq.${check}`);

  await expect.poll(() => found("disk"), { timeout: 30_000 }).toMatchObject([{ severity: "ok" }]);
  expect(await found("partitions")).toMatchObject([{ severity: "ok" }]);
  expect(await found("memory")).toMatchObject([{ severity: "ok" }]);
  expect(await found("clock")).toMatchObject([{ severity: "ok" }]);
  const right = Date.now.bind(Date);
  vi.spyOn(Date, "now").mockImplementation(() => right() + 3_600_000);
  const behind = {
    severity: "warning",
    message: expect.stringMatching(/^the server's clock is 3[56]\d\d\.\d s behind/),
  };
  expect(await found("clock")).toMatchObject([behind]);
  vi.restoreAllMocks();
  expect(await found("policies")).toMatchObject([{ severity: "ok" }]);

  const policy = JSON.stringify({ "max-length": 9, "delivery-limit": 3 });
  await rabbit.ctl("set_policy", "short", `^${prefix}\\.`, policy, "--apply-to", "queues");
  await expect
    .poll(() => found("policies"), { timeout: 30_000 })
    .toMatchObject([
      { severity: "failure", message: expect.stringContaining(`"${prefix}.default" sets max-length to 9: the oldest`) },
      { severity: "failure", message: expect.stringContaining("delivery-limit to 3, below deliveryLimit 100") },
    ]);
  await rabbit.ctl("set_disk_free_limit", "100000GB");
  await expect.poll(() => found("disk"), { timeout: 30_000 }).toMatchObject([{ severity: "failure" }]);
}, 120_000);

test("a management plugin that does not respond is a warning, and a URL of something else is refused", async () => {
  const { url } = await freshStore({ management: "http://127.0.0.1:1" }, { queues: ["default"] });
  const backend = await fromUrl(url)(context);
  onTestFinished(() => backend.close());
  const finding = (await backend.doctor.checks()).find(({ check }) => check === "rabbitmq.management");
  expect(finding).toMatchObject({ severity: "warning", remedy: expect.stringContaining("monitoring") });
  for (const wrong of ["15672", "http://me:secret@localhost:15672"]) {
    const refused = /write one such as "http:\/\/localhost:15672", without a user/;
    expect(() => fromUrl(`amqp://localhost?management=${encodeURIComponent(wrong)}`)).toThrow(refused);
  }
});
