// Starts the services the tests and the demo can use, on their usual ports, and keeps them until Ctrl-C.
// `npm run services` starts all of them, `npm run services -- redis sqs` some.
import { missingPrograms, type ServiceName, serviceNames, services, type TestServer } from "@waybill/test-servers";

const started = new Map<ServiceName, TestServer>();

async function bring(name: ServiceName): Promise<string> {
  const service = services[name];
  const port = service.usualPort;
  if (await service.respondsAt(port)) return "was running already";
  const missing = missingPrograms(service);
  if (missing.length > 0) throw new Error(`${missing.join(", ")} not found; as root on Debian, run: npm run needs`);
  started.set(name, await service.start(port, { port: services.postgres.usualPort }));
  return `pid ${started.get(name)?.pid}`;
}

async function end(): Promise<void> {
  for (const server of [...started.values()].toReversed()) await server.stop();
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !serviceNames.some((known) => known === name));
if (unknown.length > 0) {
  console.error(`no service is called ${unknown.join(", ")}; there are: ${serviceNames.join(", ")}`);
  process.exit(2);
}
const wanted = serviceNames.filter((name) => asked.length === 0 || asked.includes(name));
if (wanted.includes("pgbouncer") && !wanted.includes("postgres")) wanted.unshift("postgres");
let failed = 0;
for (const name of wanted) {
  try {
    const how = await bring(name);
    console.log(`${name.padEnd(10)} ${services[name].url(services[name].usualPort)}   (${how})`);
  } catch (error) {
    failed += 1;
    console.error(`${name.padEnd(10)} ${error instanceof Error ? error.message : String(error)}`);
  }
}
if (failed > 0) {
  await end();
  process.exit(1);
}
console.log(
  started.size === 0 ? "Nothing had to be started." : "Ctrl-C ends what was started here and removes its data.",
);
// Something to live for: the servers themselves keep no process awake.
const alive = setInterval(() => {}, 2 ** 30);
const over = () => {
  clearInterval(alive);
  void end().then(() => process.exit(0));
};
if (started.size === 0) clearInterval(alive);
process.once("SIGINT", over).once("SIGTERM", over);
