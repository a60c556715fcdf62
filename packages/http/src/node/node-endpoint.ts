import type { PushRequest } from "../push/push-request.ts";
import type { PushResponse } from "../push/push-response.ts";

/** What `nodeListener` needs of a receiver, a relay or an ingress. */
export interface NodeEndpoint {
  /** Returns true if the request is for this endpoint. */
  matches(request: Pick<PushRequest, "method" | "path" | "headers">): boolean;
  /** The path of requests, from the root of the server, wherever the endpoint is mounted. Omitted: it does not depend on a path alone. */
  readonly path?: string;
  /** Handles one request. Never rejects. */
  receive(request: PushRequest): Promise<PushResponse>;
}
