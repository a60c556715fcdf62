import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ServerTls } from "../certificates.ts";
import { responds } from "../process/responds.ts";
import { isRoot, makeDataFolder } from "../process/data-folder.ts";
import { freePort } from "../process/free-port.ts";
import { startProcess } from "../process/server-process.ts";
import type { TestServer } from "../process/test-server.ts";

export interface RabbitOptions {
  /** 0 or absent: a free one. */
  readonly port?: number;
  /** Lines of rabbitmq.conf, e.g. `["consumer_timeout = 60000"]`. */
  readonly config?: readonly string[];
  /** Where the folder of its data is made, such as a small disk. Default: the system's temporary folder. */
  readonly parent?: string;
  /** Plugins of Debian's package, e.g. `["rabbitmq_auth_mechanism_ssl"]`. */
  readonly plugins?: readonly string[];
}

export interface RabbitServer extends TestServer {
  /** Runs rabbitmqctl on this node and returns what it printed: `ctl("stop_app")`. */
  ctl(...args: string[]): Promise<string>;
  /** Listens with TLS on a further port, until the node restarts. Returns its `amqps:` URL, by the name "localhost". */
  listenByTls(tls: ServerTls): Promise<string>;
}

const BIN = "/usr/lib/rabbitmq/bin";
const USER = "rabbitmq";

/** Starts RabbitMQ as a node with its own name, ports, epmd, cookie and data. User and password are "guest". */
export async function startRabbit(options: RabbitOptions = {}): Promise<RabbitServer> {
  const port = options.port || (await freePort());
  const epmdPort = await freePort();
  const folder = makeDataFolder("rabbitmq", USER, options.parent);
  const env = environment(folder, port, await freePort(), epmdPort);
  writeFileSync(join(folder, "rabbitmq.conf"), ["loopback_users = none", ...(options.config ?? []), ""].join("\n"));
  writeFileSync(join(folder, "enabled_plugins"), `[${(options.plugins ?? []).join(",")}].\n`);
  // An epmd that Erlang starts by itself would outlive the node and listen on every interface.
  const epmd = await startProcess({
    name: "epmd",
    url: "",
    port: epmdPort,
    folder: makeDataFolder("epmd", USER),
    user: USER,
    command: "epmd",
    args: ["-port", `${epmdPort}`, "-address", "127.0.0.1"],
    isReady: () => responds(epmdPort),
  });
  const node = await startProcess({
    name: "rabbitmq",
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    port,
    folder,
    user: USER,
    command: `${BIN}/rabbitmq-server`,
    args: [],
    env,
    isReady: () => isRabbit(port),
    afterStop: () => epmd.stop(),
  }).catch(async (error: unknown) => {
    await epmd.stop();
    throw error;
  });
  const ctl = (...args: string[]): Promise<string> => control(env, args);
  return Object.assign(node, { ctl, listenByTls: (tls: ServerTls) => listenByTls(ctl, tls) });
}

async function listenByTls(ctl: RabbitServer["ctl"], tls: ServerTls): Promise<string> {
  const port = await freePort();
  const files = [`{cacertfile,"${tls.ca}"}`, `{certfile,"${tls.cert}"}`, `{keyfile,"${tls.key}"}`];
  const verify = tls.asksClients === true ? "{verify,verify_peer},{fail_if_no_peer_cert,true}" : "{verify,verify_none}";
  const options = `[${files.join(",")},${verify}]`;
  const listen = `rabbit_networking:start_ssl_listener({"127.0.0.1", ${port}, inet}, ${options}, 2)`;
  await ctl("eval", `{ok, _} = application:ensure_all_started(ssl), ok = ${listen}.`);
  return `amqps://guest:guest@localhost:${port}`;
}

/** Whether a broker is ready there: it responds to the protocol header with connection.start, which names it. */
export const isRabbit = (port: number): Promise<boolean> => responds(port, "AMQP\0\0\x09\x01", /RabbitMQ/);

function environment(folder: string, port: number, distPort: number, epmdPort: number): Record<string, string> {
  return {
    HOME: folder,
    RABBITMQ_NODENAME: `waybill-${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: `${port}`,
    RABBITMQ_DIST_PORT: `${distPort}`,
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
    // The script then becomes the Erlang machine instead of watching over it: signals reach the broker itself.
    RUNNING_UNDER_SYSTEMD: "true",
    ERL_EPMD_PORT: `${epmdPort}`,
    ERL_EPMD_ADDRESS: "127.0.0.1",
  };
}

async function control(env: Record<string, string>, args: readonly string[]): Promise<string> {
  const command = [`${BIN}/rabbitmqctl`, "--quiet", ...args];
  const change = isRoot() ? ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--init-groups", "--"] : [];
  const [program = "", ...rest] = [...change, ...command];
  const { stdout } = await promisify(execFile)(program, rest, { env: { ...process.env, ...env }, cwd: env["HOME"] });
  return stdout;
}
