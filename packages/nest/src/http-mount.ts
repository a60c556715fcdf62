import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpAdapterHost } from "@nestjs/core";
import { type NodeDoor, type NodeListener, nodeListener } from "@waybill/http/node";
import { refuse } from "./refuse.ts";

/**
 * The place of the doors in a Nest application: in front of its body parsers, so that a signature is checked over the bytes
 * that came, whatever `bodyParser` and `rawBody` say. Nest adds the parsers when it starts, and the place is taken
 * before, when providers are made; what stands in it comes when all handlers are known.
 */
export class HttpMount {
  readonly #host: HttpAdapterHost;
  #listeners: readonly NodeListener[] = [];
  #isTaken = false;

  constructor(host: HttpAdapterHost) {
    this.#host = host;
    // In a test the HTTP side is made after the providers.
    host.init$.subscribe(() => this.#take());
  }

  #take(): void {
    if (this.#isTaken || !this.#isExpress) return;
    this.#isTaken = true;
    this.#host.httpAdapter.use((request: IncomingMessage, response: ServerResponse, next: () => void) =>
      this.#pass(0, request, response, next),
    );
  }

  get #isExpress(): boolean {
    const adapter = this.#host.httpAdapter as HttpAdapterHost["httpAdapter"] | null | undefined;
    return adapter?.getType() === "express";
  }

  /** Throws `CONFIG_INVALID` where there is no server to put doors in. */
  demand(option: string): void {
    if (this.#isTaken) return;
    throw refuse(
      this.#host.httpAdapter
        ? `\`${option}\` of WaybillModule needs Nest's Express platform; on another, mount createReceiver of @waybill/http yourself`
        : `\`${option}\` is set, but this application serves no HTTP; make it with NestFactory.create, or leave \`${option}\` out`,
    );
  }

  /** Throws `CONFIG_INVALID` for two at one path. */
  open(doors: readonly NodeDoor[]): void {
    const paths = doors.flatMap((door) => ("path" in door ? [door.path] : []));
    const twice = paths.find((path, at) => paths.indexOf(path) < at);
    if (twice !== undefined) throw refuse(`two doors are at "${String(twice)}"; give one of them another \`path\``);
    this.#listeners = doors.map((door) => nodeListener(door, originalUrl));
  }

  #pass(at: number, request: IncomingMessage, response: ServerResponse, next: () => void): void {
    const listener = this.#listeners[at];
    if (listener) listener(request, response, () => this.#pass(at + 1, request, response, next));
    else next();
  }
}

/** Where the application itself stands below a path of another, Express has taken that off `url`. */
function originalUrl(request: IncomingMessage): string {
  return "originalUrl" in request ? String(request.originalUrl) : (request.url ?? "/");
}
