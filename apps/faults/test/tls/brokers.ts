import {
  type Certificates,
  makeCertificates,
  startFauxqs,
  startNginx,
  startPostgres,
  startRabbit,
  startRedis,
} from "@waybill/test-servers";

/** A broker with TLS, and how its URLs name files. */
export interface TlsBroker {
  readonly certificates: Certificates;
  /** By the name that the certificate has, without parameters. */
  readonly urls: {
    readonly tls: string;
    /** With an expired certificate. */
    readonly expired: string;
    /** Accepts only clients with a certificate. */
    readonly asksClients: string;
    /** The port for TLS by a URL without it, and the other way round. */
    readonly plainToTls: string;
    readonly tlsToPlain: string;
  };
  stop(): Promise<void>;
}

export interface TlsTarget {
  readonly name: string;
  start(): Promise<TlsBroker>;
  /** Adds parameters to a URL. */
  named(url: string, files: { readonly ca?: string; readonly cert?: string; readonly key?: string }): string;
}

/** Adds parameters under a broker's own names for them. */
const parameters =
  (names: Readonly<Record<"ca" | "cert" | "key", string>>, others = "") =>
  (url: string, files: Readonly<Partial<Record<"ca" | "cert" | "key", string>>>): string => {
    const given = (["ca", "cert", "key"] as const).flatMap((name) => {
      const path = files[name];
      return path === undefined ? [] : [`${names[name]}=${path}`];
    });
    return `${url}${url.includes("?") ? "&" : "?"}${[...given, others].filter((one) => one !== "").join("&")}`;
  };

const servers = ({ ca, cert, key, expired }: Certificates) =>
  [
    { ca, cert, key },
    { ca, ...expired },
    { ca, cert, key, asksClients: true },
  ] as const;

export const tlsTargets: readonly TlsTarget[] = [
  {
    name: "bullmq",
    async start() {
      const certificates = makeCertificates("redis");
      const [plain, ...all] = servers(certificates);
      const first = await startRedis({ tls: plain });
      const [old, asks] = await Promise.all(all.map((tls) => startRedis({ tls })));
      const urls = {
        tls: first.tlsUrl,
        expired: old?.tlsUrl ?? "",
        asksClients: asks?.tlsUrl ?? "",
        plainToTls: first.tlsUrl.replace("rediss:", "redis:"),
        tlsToPlain: first.url.replace("redis:", "rediss:"),
      };
      return { certificates, urls, stop: () => stopAll([first, old, asks], certificates) };
    },
    named: parameters({ ca: "ssl_ca_certs", cert: "ssl_certfile", key: "ssl_keyfile" }),
  },
  {
    name: "postgres",
    async start() {
      const certificates = makeCertificates("postgres");
      const byName = ({ url }: { readonly url: string }): string => url.replace("127.0.0.1", "localhost");
      const all = servers(certificates).map((tls) => startPostgres({ tls }));
      const [first, old, asks, without] = await Promise.all([...all, startPostgres()]);
      if (!first || !old || !asks || !without) throw new Error("a server is missing");
      const urls = {
        tls: byName(first),
        expired: byName(old),
        asksClients: byName(asks),
        plainToTls: `${byName(first)}?sslmode=disable`,
        tlsToPlain: byName(without),
      };
      return { certificates, urls, stop: () => stopAll([first, old, asks, without], certificates) };
    },
    named: (url, files) => {
      const mode = url.includes("sslmode=") ? "" : "sslmode=verify-full";
      return parameters({ ca: "sslrootcert", cert: "sslcert", key: "sslkey" }, mode)(url, files);
    },
  },
  {
    name: "rabbitmq",
    async start() {
      const certificates = makeCertificates("rabbitmq");
      const mechanisms = ["auth_mechanisms.1 = PLAIN", "auth_mechanisms.2 = EXTERNAL"];
      const config = [...mechanisms, "ssl_cert_login_from = common_name", "ssl_options.verify = verify_peer"];
      const broker = await startRabbit({ plugins: ["rabbitmq_auth_mechanism_ssl"], config });
      await broker.ctl("eval", USER_OF_CERTIFICATE);
      const [first = "", old = "", asks = ""] = await Promise.all(servers(certificates).map(broker.listenByTls));
      const urls = {
        tls: first,
        expired: old,
        asksClients: asks,
        plainToTls: first.replace("amqps:", "amqp:"),
        tlsToPlain: broker.url.replace("amqp:", "amqps:"),
      };
      return { certificates, urls, stop: () => stopAll([broker], certificates) };
    },
    named: parameters({ ca: "cacertfile", cert: "certfile", key: "keyfile" }),
  },
  {
    // SQS speaks HTTP; the emulator has no TLS of its own, so nginx ends it as a load balancer would.
    name: "sqs",
    async start() {
      const certificates = makeCertificates("root");
      const emulator = await startFauxqs({ durable: false });
      const upstream = `http://127.0.0.1:${emulator.port}`;
      const [first, old, asks] = await Promise.all(servers(certificates).map((tls) => startNginx({ upstream, tls })));
      const at = (endpoint = ""): string => `sqs://us-east-1?endpoint=${encodeURIComponent(endpoint)}`;
      const urls = {
        tls: at(first?.url),
        expired: at(old?.url),
        asksClients: at(asks?.url),
        plainToTls: at(first?.url.replace("https:", "http:")),
        tlsToPlain: at(upstream.replace("http:", "https:")),
      };
      return { certificates, urls, stop: () => stopAll([first, old, asks, emulator], certificates) };
    },
    named: parameters({ ca: "ca_bundle", cert: "client_cert", key: "client_key" }),
  },
];

/** The user "waybill", who logs in by a certificate with this name alone. */
const USER_OF_CERTIFICATE = [
  '{User, By} = {<<"waybill">>, <<"test">>}',
  'ok = rabbit_auth_backend_internal:add_user(User, <<"unused">>, By)',
  'ok = rabbit_auth_backend_internal:set_permissions(User, <<"/">>, <<".*">>, <<".*">>, <<".*">>, By).',
].join(", ");

async function stopAll(all: readonly ({ stop(): Promise<void> } | undefined)[], files: Certificates): Promise<void> {
  await Promise.all(all.map((server) => server?.stop()));
  files.remove();
}
