import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpAdapterHost } from "@nestjs/core";
import { type NodeEndpoint, type NodeListener, nodeListener } from "@waybill/http/node";
import { configError } from "../config-error.ts";

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** The part of a Fastify instance that is used here. */
interface FastifyHooks {
  addHook(
    name: "onRequest",
    hook: (request: { raw: IncomingMessage }, reply: { raw: ServerResponse }, next: () => void) => void,
  ): unknown;
}

/**
 * Mounts the endpoints in front of a Nest application's body parsers, so that signatures are verified over the original
 * bytes, whatever `bodyParser` and `rawBody` are. Nest adds the parsers when it starts, so a middleware is added before that,
 * when providers are made; the endpoints are added to it once all handlers are known.
 */
export class HttpMount {
  readonly #host: HttpAdapterHost;
  #listeners: readonly NodeListener[] = [];
  #isMounted = false;

  constructor(host: HttpAdapterHost) {
    this.#host = host;
    // In a test the HTTP adapter is made after the providers.
    host.init$.subscribe(() => this.#mount());
  }

  #mount(): void {
    const adapter = this.#host.httpAdapter as HttpAdapterHost["httpAdapter"] | null | undefined;
    const platform = adapter?.getType();
    if (this.#isMounted || !adapter || !(platform === "express" || platform === "fastify")) return;
    this.#isMounted = true;
    if (platform === "express") {
      adapter.use((...[request, response, next]: Parameters<Middleware>) => this.#pass(0, request, response, next));
      return;
    }
    // Fastify parses bodies after these hooks. It waits until `next` is called, so an endpoint's request ends here.
    adapter.getInstance<FastifyHooks>().addHook("onRequest", ({ raw: request }, { raw: response }, next) => {
      this.#pass(0, request, response, () => next());
    });
  }

  /** Throws `CONFIG_INVALID` if the application has no server to mount the endpoints in. `option` is named in the error. */
  assertHttp(option: string): void {
    if (this.#isMounted) return;
    throw configError(
      this.#host.httpAdapter
        ? `\`${option}\` of WaybillModule needs Nest's Express or Fastify platform; on another, mount createReceiver of @waybill/http yourself`
        : `\`${option}\` is set, but this application serves no HTTP; make it with NestFactory.create, or leave \`${option}\` out`,
    );
  }

  /** Adds the endpoints. Throws `CONFIG_INVALID` for two at one path. */
  open(endpoints: readonly NodeEndpoint[]): void {
    const paths = endpoints.flatMap((endpoint) => ("path" in endpoint ? [endpoint.path] : []));
    const twice = paths.find((path, at) => paths.indexOf(path) < at);
    if (twice !== undefined)
      throw configError(`two endpoints are at "${String(twice)}"; give one of them another \`path\``);
    this.#listeners = endpoints.map((endpoint) => nodeListener(endpoint, originalUrl));
  }

  #pass(at: number, request: IncomingMessage, response: ServerResponse, next: () => void): void {
    const listener = this.#listeners[at];
    if (listener) listener(request, response, () => this.#pass(at + 1, request, response, next));
    else next();
  }
}

/** If the application is mounted in another one, Express removes the mount path from `url`. */
function originalUrl(request: IncomingMessage): string {
  return "originalUrl" in request ? String(request.originalUrl) : (request.url ?? "/");
}
