import { startRabbit } from "@waybill/test-servers";
import { connect } from "amqplib";
import { setTimeout as sleep } from "node:timers/promises";
import { execSync } from "node:child_process";
const server = await startRabbit();
const args = { "x-queue-type": "quorum" };
async function pub(n: number, q: string) {
  const c = await connect(server.url);
  c.on("error", () => {});
  const ch = await c.createConfirmChannel();
  ch.on("error", (e) => console.log("ch", e.message));
  await ch.assertQueue(q, { durable: true, arguments: args });
  let ok = 0;
  for (let i = 0; i < n; i++)
    ch.sendToQueue(q, Buffer.from("x" + i), { persistent: true }, (e) => {
      if (!e) ok++;
    });
  await Promise.race([ch.waitForConfirms(), sleep(5000)]);
  console.log(q, "confirmed", ok, (await ch.checkQueue(q)).messageCount);
  return c;
}
await pub(100, "q1");
await server.kill();
await sleep(1000);
await server.restart();
console.log("back");
for (let i = 0; i < 4; i++) {
  await pub(10, "q1").catch((e) => console.log(String(e)));
  await pub(10, "fresh").catch((e) => console.log(String(e)));
  await sleep(2000);
}
const folder = execSync(`ls -d /tmp/waybill-rabbitmq-*/ -t | head -1`, { encoding: "utf8" }).trim();
console.log(
  execSync(`grep -vE "\\[info\\]" ${folder}/log/*.log | tail -60; ls -la ${folder}/data/*/quorum/* | head -40`, {
    encoding: "utf8",
  }).slice(0, 9000),
);
await server.stop();
process.exit(0);
