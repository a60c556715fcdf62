import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob } from "@waybill/core";
import { freePort, startRabbit } from "@waybill/test-servers";
import { enableManagement } from "../languages/stores.ts";
import { blocksOf } from "../../test/code-blocks/blocks.ts";

const PAGE = "spec/1.0/bindings/rabbitmq.md";

/** Null where the program is there. */
export const missingAdmin = (): string | null =>
  spawnSync("rabbitmqadmin", ["--version"]).status === 0 ? null : "rabbitmqadmin is not on this machine";

/** Runs the line of the page, on a broker that has its management plugin, before there is a queue and after. */
export async function publishesByAdmin(): Promise<void> {
  const port = await freePort();
  const broker = await startRabbit({ config: [`management.tcp.port = ${port}`, "management.tcp.ip = 127.0.0.1"] });
  const ran: unknown[] = [];
  const greet = defineJob({ type: "greeting.print", handler: (payload) => void ran.push(payload) });
  const jobs = await connect(broker.url, { jobs: [greet], log: "off" });
  try {
    await enableManagement(broker.ctl);
    const code = blocksOf(PAGE).find(({ language }) => language === "sh")?.code ?? "";
    const line = code.replace("rabbitmqadmin", `rabbitmqadmin -P ${port}`);
    expectSaid(line, "Message published but NOT routed");
    await jobs.worker({ jobs: [greet] }).start();
    await jobs.enqueue(greet, { name: "first" });
    for (let tries = 0; tries < 400 && ran.length < 1; tries += 1) await sleep(25);
    expectSaid(line, "Message published");
    for (let tries = 0; tries < 400 && ran.length < 2; tries += 1) await sleep(25);
    const [, second] = ran;
    if (JSON.stringify(second) !== '{"name":"rabbitmqadmin"}') throw new Error(`ran: ${JSON.stringify(ran)}`);
  } finally {
    await jobs.close();
    await broker.stop();
  }
}

/** It ends with 0 in both cases, as the page says. */
function expectSaid(line: string, wanted: string): void {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", line], { encoding: "utf8" });
  if (status !== 0 || stdout.trim() !== wanted) throw new Error(`${line}\nended with ${status}:\n${stdout}${stderr}`);
}
