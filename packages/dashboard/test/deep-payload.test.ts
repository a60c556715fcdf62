import { connect, type Jobs } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { createDashboard } from "@waybill/dashboard";
import { expect, onTestFinished, test } from "vitest";

const payload = `${"[".repeat(30_000)}${"]".repeat(30_000)}`;

/** Node 26 writes such JSON; older ones overflow their stack. */
function isWritten(): boolean {
  try {
    return JSON.stringify(JSON.parse(payload)) === payload;
  } catch {
    return false;
  }
}

test("a payload that is nested too deep to be written is shown as it was sent, and redacted as a whole", async () => {
  const deep = `{"spec":"waybill/1","args":[${payload}]}`;
  const jobs = await connect(memoryBackend(), { log: "off" });
  onTestFinished(() => jobs.close());
  const find = async (): Promise<unknown> => ({ ...(await jobs.find(id)), body: deep });
  const { id } = await jobs.enqueue("mail.send", {});
  const connections = { main: { ...jobs, find } as Jobs };
  const shown = async (redact: readonly string[]): Promise<unknown> => {
    const handler = createDashboard({ connections, auth: "loopback", redact });
    const response = await handler(new Request(`http://localhost/api/main/job?id=${id}`));
    return ((await response.json()) as { readonly job: unknown }).job;
  };
  expect(await shown([])).toMatchObject(isWritten() ? { payload, canCopy: true } : { payload: deep, canCopy: false });
  expect(await shown(["card"])).toMatchObject({ payload: expect.stringContaining("Not shown") });
});
