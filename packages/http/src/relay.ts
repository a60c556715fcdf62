import type { Jobs } from "@waybill/core";
import type { Carrier } from "./carrier.ts";
import { createDoor, type DoorOptions } from "./door.ts";
import { answerFetch } from "./fetch.ts";
import type { Receiver, ReceiverOptions } from "./receiver.ts";
import { carriersOf } from "./receiver.ts";
import { storeBody } from "./store.ts";

export interface RelayOptions extends DoorOptions, Pick<ReceiverOptions, "keys" | "carriers"> {
  /** Where the jobs go; its events hear what is stored and what is refused. */
  readonly to: Jobs;
  /** Default "/work". */
  readonly path?: string;
}

/** A door that stores what is pushed and answers once it is durable; nothing runs here. */
export type Relay = Pick<Receiver, "path" | "claims" | "receive"> &
  ((...given: Parameters<Receiver>) => Promise<Response>);

/** For carriers that do not wait for a job to end, or whose jobs are to have a queue's retries. Throws `CONFIG_INVALID`. */
export function createRelay({ to, path = "/work", ...options }: RelayOptions): Relay {
  const carriers: readonly Carrier[] = carriersOf(options);
  const door = createDoor({ ...options, path, carriers, events: to.events }, ({ body, signature }) =>
    storeBody(to, body, signature),
  );
  const relay: Relay = Object.assign(
    (...[request, from]: Parameters<Receiver>) => answerFetch(door.receive, request, from),
    {
      path,
      claims: door.claims,
      receive: door.receive,
    },
  );
  return relay;
}
