import { member } from "@waybill/core/backend";
import type { Redis } from "ioredis";
import type { Client } from "./client.ts";

/**
 * Lets the process end while this client only waits: with its connections idle, in a blocking command, or with Redis away.
 * Core keeps the process alive while a call is under way. ioredis has no option for it, so this unrefs the sockets and
 * timers that a client exposes.
 */
export function letProcessEnd(client: Client): void {
  client.on("reconnecting", () => unref(member(client, "reconnectTimeout")));
  if (!client.isCluster) return letOneEnd(client as Redis);
  client.on("+node", letOneEnd);
  letSubscriberEnd(client);
}

/** A cluster makes a connection for subscriptions by itself, to a node of its choice. */
function letSubscriberEnd(cluster: Client): void {
  let known: Redis | null = null;
  const look = (): void => {
    const subscriber = subscriberOf(cluster);
    if (subscriber === null || subscriber === known) return;
    known = subscriber;
    letOneEnd(subscriber);
    subscriber.once("end", lookSoon);
  };
  const lookSoon = (): void => process.nextTick(look);
  for (const event of ["ready", "+node", "-node"]) cluster.on(event, lookSoon);
}

function letOneEnd(client: Redis): void {
  unref(client.stream);
  client.on("connect", () => unref(client.stream));
  client.on("reconnecting", () => unref(member(client, "reconnectTimeout")));
  const send = client.sendCommand;
  client.sendCommand = (...given) => {
    const sent = Reflect.apply(send, client, given) as unknown;
    unref(member(client, "socketTimeoutTimer"));
    return sent;
  };
}

function subscriberOf(client: Client): Redis | null {
  const subscriber = member(client, "subscriber");
  const getInstance = member(subscriber, "getInstance");
  return typeof getInstance === "function" ? (getInstance.call(subscriber) as Redis | null) : null;
}

/** Of a socket or a timer. */
function unref(handle: unknown): void {
  const own = member(handle, "unref");
  if (typeof own === "function") own.call(handle);
}
