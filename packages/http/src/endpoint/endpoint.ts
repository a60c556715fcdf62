import type { Buffer } from "node:buffer";
import { describeError, type EventBus } from "@waybill/core";
import { isInstance } from "@waybill/core/endpoint";
import { positiveMs } from "../options/positive-duration.ts";
import type { Carrier } from "../push/carrier.ts";
import type { InboundDelivery } from "../push/inbound-delivery.ts";
import { emitRefused, refusal, withStatusInBody } from "../push/problem.ts";
import { forbidden, type ProblemCode, PushRefused } from "../push/push-refused.ts";
import type { PushRequest } from "../push/push-request.ts";
import { assertValidResponse, type PushResponse } from "../push/push-response.ts";
import { BodyReader } from "./body-reader.ts";
import { checkEndpointOptions, type EndpointOptions } from "./endpoint-options.ts";
import { ipAllowlist } from "./ip-allowlist.ts";
import { ReplayWindow, responseToReplay } from "./replay-window.ts";
import { unauthenticatedRequestRule } from "./unauthenticated-requests.ts";

/** Runs or stores the deliveries that an endpoint has authenticated. */
export interface DeliveryProcessor {
  /** Called before the body is read. Returns the refusal if no delivery can be accepted now, or null. */
  refuseEarly(request: PushRequest, carrier: Carrier): PushRefused | null;
  /** True: the processor stores jobs and recognises repeated requests itself. Omitted: the endpoint does. */
  readonly detectsReplays?: true;
  /** Rejects `PushRefused` for a delivery that is not accepted. */
  process(delivery: InboundDelivery, carrier: Carrier, request: PushRequest): Promise<PushResponse>;
}

/** Handles HTTP requests that are addressed to it. */
export interface Endpoint {
  /** Returns true if the request is for this endpoint. Leave all others to the application. */
  matches(request: Pick<PushRequest, "method" | "path" | "headers">): boolean;
  /** Handles one request. Never rejects. */
  receive(request: PushRequest): Promise<PushResponse>;
}

/** Refusals without an event: they concern no job, or any number may come during a shutdown. */
const NOT_LOGGED: ReadonlySet<ProblemCode> = new Set(["DRAINING", "NOT_FOUND", "METHOD_NOT_ALLOWED"]);

/**
 * Returns an endpoint that checks path, IP address, signature and body, then passes the delivery to `processor`. Another
 * path gets 404. A sender that is not authenticated gets one 403, whatever the reason; the reason is in `push_refused` on
 * `events`. Throws `CONFIG_INVALID`.
 */
export function createEndpoint(
  options: EndpointOptions & {
    readonly path: string;
    readonly carriers: readonly Carrier[];
    readonly events: EventBus;
  },
  processor: DeliveryProcessor,
): Endpoint {
  const { path, carriers, events, maxBodyBytes = 2_097_152 } = options;
  const bodyTimeoutMs = positiveMs(options.bodyTimeout ?? "10s", "bodyTimeout");
  checkEndpointOptions(options, carriers);
  const isAllowed = ipAllowlist(options.allowIps);
  const checkUnauthenticated = unauthenticatedRequestRule({
    allowHosts: options.allowHosts,
    isAllowed: options.allowIps === undefined ? null : isAllowed,
  });
  const replays = new ReplayWindow<PushResponse | null>(Date.now);
  const bodies = new BodyReader(maxBodyBytes, bodyTimeoutMs);

  const isHere = (request: Pick<PushRequest, "path">, { paths }: Carrier): boolean =>
    request.path === path || paths.includes(request.path);
  const carrierOf = (request: Pick<PushRequest, "method" | "path" | "headers">): Carrier | undefined =>
    carriers.find((carrier) => carrier.recognises(request, isHere(request, carrier)));

  const notFound = (request: PushRequest): PushRefused =>
    new PushRefused(404, "NOT_FOUND", `it came to ${JSON.stringify(request.path)}, this endpoint is at "${path}"`);

  /** Logs a job that came to another path, since a setting is wrong. Other requests to other paths are not logged. */
  function misdirected(request: PushRequest): PushRefused {
    const error = notFound(request);
    emitRefused(events, request, error);
    return error;
  }

  async function handle(request: PushRequest, carrier: Carrier | undefined): Promise<PushResponse> {
    if (request.method !== "POST" && request.path === path) throw notPosted(request);
    if (carrier === undefined) {
      if (request.path === path) throw forbidden(unknownSender(request));
      throw carriers.some((one) => one.recognises(request, true)) ? misdirected(request) : notFound(request);
    }
    if (!isHere(request, carrier)) throw misdirected(request);
    if (!isAllowed(request.peer)) throw forbidden(`the address ${request.peer ?? "(unknown)"} is not in allowIps`);
    if (request.method !== "POST") throw notPosted(request);
    if (carrier.isUnauthenticated?.(request)) checkUnauthenticated(request.headers);
    const early = processor.refuseEarly(request, carrier);
    if (early !== null) throw early;
    const delivery = await bodies.read(request, (body) => authenticate(carrier, request, body));
    if (delivery === null) return { status: 200, headers: {}, body: "" };
    if (request.rewritten === true && delivery.signedId === null) throw new PushRefused(500, "BODY_GONE", REWRITTEN);
    const replay = processor.detectsReplays ? null : delivery.replayProtection;
    const earlier = replay === null ? undefined : replays.find(replay);
    if (earlier === null) throw forbidden("this request came before, and its job has ended");
    if (earlier !== undefined) return earlier;
    const response = await processor.process(delivery, carrier, request);
    const next = replay === null ? undefined : responseToReplay(replay, response);
    if (replay !== null && next !== undefined) replays.remember(replay, next);
    return response;
  }

  function refused(thrown: unknown, request: PushRequest): PushResponse {
    const known = isInstance(thrown, PushRefused) ? thrown : new PushRefused(500, "INTERNAL", describeError(thrown));
    if (!NOT_LOGGED.has(known.code)) emitRefused(events, request, known);
    return refusal(known);
  }

  return {
    matches: (request) =>
      // Any method: another than POST gets 405. A whole application may be at "/", so there it keeps the other methods.
      (request.path === path && path !== "/") || (request.method === "POST" && carrierOf(request) !== undefined),
    async receive(request) {
      try {
        const carrier = carrierOf(request);
        const response = await handle(request, carrier).catch((thrown: unknown) => refused(thrown, request));
        return withStatusInBody(
          carrier?.mapResponse === undefined
            ? response
            : assertValidResponse(carrier.mapResponse(response) ?? response),
        );
      } catch (thrown) {
        // A carrier from another package has a bug.
        return refused(thrown, request);
      }
    },
  };
}

function notPosted({ method }: PushRequest): PushRefused {
  return new PushRefused(405, "METHOD_NOT_ALLOWED", `the method is ${method}`);
}

function unknownSender({ headers }: Pick<PushRequest, "headers">): string {
  const isSigned = Object.keys(headers).some((name) => name === "authorization" || name.endsWith("signature"));
  return isSigned
    ? "it is signed, but no carrier of this endpoint has these headers"
    : "it is not signed, and no carrier of this endpoint has these headers";
}

const REWRITTEN =
  "a parser before this endpoint read the body and kept no bytes of it; mount the endpoint first, or parse with `verify: keepRawBody`";

async function authenticate(
  carrier: Carrier,
  request: PushRequest,
  body: () => Promise<Buffer>,
): Promise<InboundDelivery | null> {
  const checked = carrier.checkHeaders?.(request);
  if (checked !== undefined) await checked;
  const bytes = await body();
  try {
    return await carrier.authenticate(request, bytes);
  } catch (thrown) {
    const isForged = isInstance(thrown, PushRefused) && thrown.code === "FORBIDDEN";
    throw isForged && request.rewritten === true ? forbidden(`${thrown.message}; ${REWRITTEN}`) : thrown;
  }
}
