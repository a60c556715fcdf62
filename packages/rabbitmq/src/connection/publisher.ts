import { setTimeout as sleep } from "node:timers/promises";
import { describeError, isWaybillError, WaybillError } from "@waybill/core";
import { notStored } from "@waybill/core/backend";
import type { ConfirmChannel, Options } from "amqplib";
import { unavailable, within } from "../errors.ts";
import type { Alarms } from "./alarms.ts";
import type { Connection, Session } from "./connection.ts";

export interface Outgoing {
  readonly queue: string;
  /** The first delay level that the message may need; null without a delay. */
  readonly level: number | null;
  /** Returns the route at the time of sending: part of the delay may be over by then. */
  readonly route: () => { readonly exchange: string; readonly routingKey: string };
  readonly content: Buffer;
  readonly properties: Options.Publish;
}

/** Null: the broker has stored the message. "returned": its queue does not exist. */
type Confirmed = WaybillError | "returned" | null;

export interface Publisher {
  /**
   * Declares what the messages need, publishes them and waits for the broker's confirms. Resolves with one result per
   * message: null once it is stored. Never rejects.
   */
  publish(messages: readonly Outgoing[]): Promise<(WaybillError | null)[]>;
  /** Resolves when no `publish` call is in flight. */
  whenIdle(): Promise<void>;
}

interface Open {
  readonly session: Session;
  readonly channel: ConfirmChannel;
  /** Ids of messages that the broker has returned. The confirm of each follows its return. */
  readonly returned: Set<string>;
}

const BETWEEN_TRIES_MS = 200;
/** A broker confirms within milliseconds: one that has not by then may have raised an alarm after the message was sent. */
const ASK_MS = 2_000;

/** `timeoutMs`: the time limit of a publish, from the call to its last confirm. */
export function createPublisher(connection: Connection, timeoutMs: number, isClosed: () => boolean): Publisher {
  let current: Open | null = null;
  let opening: Promise<Open> | null = null;
  let inFlight = 0;
  let idle: (() => void)[] = [];

  async function open(): Promise<Open> {
    const session = await connection.session();
    const channel = await session.model.createConfirmChannel();
    const opened: Open = { session, channel, returned: new Set() };
    // Most likely an exchange was deleted, so everything is declared again.
    channel.on("error", () => session.declarations.forgetAll());
    channel.on("close", () => {
      if (current === opened) current = null;
    });
    channel.on("return", (message) => opened.returned.add(String(message.properties.messageId)));
    return (current = opened);
  }

  /** Opens the channel and declares. Retries until `until`: nothing was sent yet, so nothing can be stored twice. */
  async function ready(until: number, messages: readonly Outgoing[], again: boolean): Promise<Open> {
    const isLast = (): boolean => performance.now() + BETWEEN_TRIES_MS > until;
    for (;;) {
      try {
        const opened = current ?? (opening ??= open().finally(() => (opening = null)));
        const found = await within(Promise.resolve(opened), until, () => "the broker did not answer");
        const { session } = found;
        const { alarms } = session;
        if (alarms.reason === null) {
          if (again) session.declarations.forgetAll();
          const declared = declareAll(session, messages);
          await within(declared, until, () => alarmText(alarms) ?? "the broker did not answer");
          return found;
        }
        if (alarms.isLong || isLast()) throw new WaybillError("BACKEND_FULL", alarmText(alarms) ?? "");
      } catch (thrown) {
        const isFinal = isWaybillError(thrown) && thrown.code !== "BACKEND_UNAVAILABLE";
        if (isFinal || isClosed() || isLast()) throw thrown;
      }
      await sleep(BETWEEN_TRIES_MS);
    }
  }

  /** `again`: declares even what was declared before. */
  async function publishOnce(messages: readonly Outgoing[], again: boolean): Promise<Confirmed[]> {
    // Nearly always the channel is open and everything is declared: then the messages go to the socket in this turn.
    const isReady = !again && current?.session.alarms.reason === null && isDeclared(current.session, messages);
    if (isReady && current !== null) return send(current, messages, timeoutMs);
    const until = performance.now() + timeoutMs;
    try {
      const opened = await ready(until, messages, again);
      return await send(opened, messages, until - performance.now());
    } catch (thrown) {
      const error = isWaybillError(thrown) ? thrown : unavailable(`nothing was sent: ${describeError(thrown)}`, thrown);
      return messages.map(() => notStored(error));
    }
  }

  return {
    async publish(messages) {
      if (messages.length === 0) return [];
      inFlight += 1;
      const results = await publishOnce(messages, false);
      const returned = messages.filter((_, index) => results[index] === "returned");
      const second = (returned.length === 0 ? [] : await publishOnce(returned, true)).values();
      inFlight -= 1;
      if (inFlight === 0) for (const resolve of idle.splice(0)) resolve();
      return results.map((first) => {
        const result = first === "returned" ? (second.next().value ?? null) : first;
        return result === "returned" ? notStored(unavailable(DELETED_AGAIN)) : result;
      });
    },
    whenIdle: () => (inFlight === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve))),
  };
}

const isDeclared = ({ declarations }: Session, messages: readonly Outgoing[]): boolean =>
  messages.every(({ queue, level }) => declarations.has(queue, level));

async function declareAll({ declarations }: Session, messages: readonly Outgoing[]): Promise<void> {
  for (const queue of new Set(messages.map((message) => message.queue))) await declarations.queue(queue);
  const highest = Math.max(...messages.map(({ level }) => level ?? -1));
  if (highest >= 0) await declarations.delayLevels(highest);
}

/** Resolves once each message is confirmed or refused, and after `limitMs` at the latest. */
function send(
  { channel, session, returned }: Open,
  messages: readonly Outgoing[],
  limitMs: number,
): Promise<Confirmed[]> {
  return new Promise((resolve) => {
    const results: (Confirmed | undefined)[] = messages.map(() => undefined);
    let missing = messages.length;
    const giveUp = (): void => {
      stop();
      const late = unavailable(unconfirmedText(session.alarms));
      resolve(results.map((result) => (result === undefined ? late : result)));
    };
    const ask = (): void => {
      askForAlarm(channel);
      timer = setTimeout(giveUp, limitMs - ASK_MS);
    };
    let timer = limitMs > ASK_MS ? setTimeout(ask, ASK_MS) : setTimeout(giveUp, limitMs);
    const unsubscribe = session.alarms.onLong(giveUp);
    const stop = (): void => {
      clearTimeout(timer);
      unsubscribe();
    };
    const end = (index: number, result: Confirmed): void => {
      results[index] = result;
      missing -= 1;
      if (missing > 0) return;
      stop();
      resolve(results as Confirmed[]);
    };
    messages.forEach(({ queue, route, content, properties }, index) => {
      const confirmed = (error: Error | null): void => {
        if (error !== null) return end(index, notConfirmed(error, queue));
        const id = properties.messageId ?? "";
        end(index, returned.size > 0 && returned.delete(id) ? "returned" : null);
      };
      try {
        const { exchange, routingKey } = route();
        channel.publish(exchange, routingKey, content, properties, confirmed);
      } catch (thrown) {
        end(index, notStored(unavailable(`the message was not sent: ${describeError(thrown)}`, thrown)));
      }
    });
  });
}

/** Makes the broker report an alarm that it has raised since the last publish, by a message that reaches no queue. */
function askForAlarm(channel: ConfirmChannel): void {
  try {
    channel.publish("", "", Buffer.alloc(0));
  } catch {
    // The channel is closing: its end ends the messages that wait.
  }
}

const DELETED_AGAIN =
  "the queue was deleted again while the message was sent; nothing was stored. Stop what deletes it";
const UNKNOWN = "the message may or may not be stored: send it again under the same id";

function notConfirmed(error: Error, queue: string): WaybillError {
  if (error.message !== "message nacked") {
    return unavailable(`the connection was lost before the broker confirmed; ${UNKNOWN}`, error);
  }
  const text = `the broker refuses messages for "${queue}": the queue has the maximum length that a policy sets, or most of its nodes are down; nothing was stored. Change the policy or start the nodes`;
  return new WaybillError("BACKEND_FULL", text, { cause: error });
}

function alarmText({ reason }: Alarms): string | null {
  if (reason === null) return null;
  return `the broker accepts no messages at present (${reason}); free memory or disk on its machine, and it resumes by itself`;
}

function unconfirmedText(alarms: Alarms): string {
  const now = alarmText(alarms);
  if (now !== null) return `${now}; ${UNKNOWN}`;
  // A disk that was full to its last byte ends the log of all quorum queues, which only a restart opens again: seen with 3.10.
  const since =
    alarms.ended === null
      ? ""
      : ` since its alarm (${alarms.ended}) has ended; if it confirms nothing at all, restart the broker`;
  return `the broker did not confirm in time${since}; ${UNKNOWN}`;
}
