import { describeError, isWaybillError, WaybillError } from "@waybill/core";
import { notStored } from "@waybill/core/backend";
import type { ConfirmChannel, Options } from "amqplib";
import { within } from "./deadline.ts";
import { unavailable } from "./errors.ts";
import type { Link, Session } from "./link.ts";

export interface Outgoing {
  /** Logical name, for setup and errors. */
  readonly queue: string;
  /** Where it goes if it is sent now: what waited to be sent has less of its delay left. */
  readonly route: () => Route;
  readonly content: Buffer;
  readonly properties: Options.Publish;
}

export interface Route {
  readonly exchange: string;
  readonly routingKey: string;
}

/** Null: the broker has stored it. "returned": no queue was there for it. */
export type Confirmed = WaybillError | "returned" | null;

export interface Publisher {
  /**
   * Publishes and waits for each confirm. `prepare` makes what the messages need on the broker, and answers null where
   * all is there. Never rejects: what could not be sent, or was not confirmed in time, is answered for each message.
   */
  publish(messages: readonly Outgoing[], prepare: Prepare): Promise<Confirmed[]>;
  /** Resolves when nothing waits for a confirm. */
  whenIdle(): Promise<void>;
}

export type Prepare = (session: Session) => Promise<unknown> | null;

interface Opened {
  readonly session: Session;
  readonly channel: ConfirmChannel;
  /** Ids the broker has just sent back; the confirm of each follows. */
  readonly returned: Set<string>;
}

const BETWEEN_TRIES_MS = 200;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function createPublisher(link: Link, timeoutMs: number, isClosed: () => boolean): Publisher {
  let current: Opened | null = null;
  let opening: Promise<Opened> | null = null;
  let underway = 0;
  let idle: (() => void)[] = [];

  async function open(): Promise<Opened> {
    const session = await link.session();
    const channel = await session.model.createConfirmChannel();
    const opened: Opened = { session, channel, returned: new Set() };
    // Most likely an exchange that is gone: what was made is made again, if need be.
    channel.on("error", () => session.setup.forgetAll());
    channel.on("close", () => {
      if (current === opened) current = null;
    });
    channel.on("return", (message) => opened.returned.add(String(message.properties.messageId)));
    return (current = opened);
  }

  function whenOpen(): Promise<Opened> {
    if (current !== null) return Promise.resolve(current);
    opening ??= open().finally(() => (opening = null));
    return opening;
  }

  /** Goes on trying until `until`: nothing has been sent yet, so nothing can be doubled. */
  async function ready(until: number, prepare: Prepare): Promise<Opened> {
    for (;;) {
      try {
        const found = await within(whenOpen(), until, () => "the broker did not answer");
        if (found.session.blocked === null) {
          const prepared = prepare(found.session) ?? Promise.resolve();
          await within(prepared, until, () => saysBlocked(found.session) ?? "the broker did not answer");
          return found;
        }
        if (performance.now() + BETWEEN_TRIES_MS > until) throw unavailable(saysBlocked(found.session) ?? "");
      } catch (thrown) {
        const lasting = isWaybillError(thrown) && thrown.code !== "BACKEND_UNAVAILABLE";
        if (lasting || isClosed() || performance.now() + BETWEEN_TRIES_MS > until) throw thrown;
      }
      await pause(BETWEEN_TRIES_MS);
    }
  }

  async function publish(messages: readonly Outgoing[], prepare: Prepare): Promise<Confirmed[]> {
    const until = performance.now() + timeoutMs;
    try {
      const found = await ready(until, prepare);
      return await send(found, messages, until - performance.now());
    } catch (thrown) {
      const error = isWaybillError(thrown) ? thrown : unavailable(`nothing was sent: ${describeError(thrown)}`, thrown);
      return messages.map(() => notStored(error));
    }
  }

  return {
    async publish(messages, prepare) {
      underway += 1;
      // All is open and made, as nearly always: straight to the socket.
      const missing = current !== null && current.session.blocked === null ? prepare(current.session) : undefined;
      // `publish` prepares once more and reports a failure; unhandled here, it would end the process.
      missing?.catch(() => undefined);
      const straight = missing === null;
      const answers = await (straight && current !== null
        ? send(current, messages, timeoutMs)
        : publish(messages, prepare));
      underway -= 1;
      if (underway === 0) for (const resolve of idle.splice(0)) resolve();
      return answers;
    },
    whenIdle: () => (underway === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve))),
  };
}

/** Resolves once each message is confirmed, refused, or out of time. */
function send(
  { channel, session, returned }: Opened,
  messages: readonly Outgoing[],
  forMs: number,
): Promise<Confirmed[]> {
  return new Promise((resolve) => {
    const answers: (Confirmed | undefined)[] = messages.map(() => undefined);
    let left = messages.length;
    const timer = setTimeout(() => {
      const late = unconfirmed(session);
      resolve(answers.map((answer) => (answer === undefined ? late : answer)));
    }, forMs);
    const answer = (index: number, confirmed: Confirmed): void => {
      answers[index] = confirmed;
      left -= 1;
      if (left > 0) return;
      clearTimeout(timer);
      resolve(answers as Confirmed[]);
    };
    messages.forEach(({ queue, route, content, properties }, index) => {
      const confirmed = (error: Error | null): void => {
        if (error !== null) return answer(index, notConfirmed(error, queue));
        const id = properties.messageId ?? "";
        answer(index, returned.size > 0 && returned.delete(id) ? "returned" : null);
      };
      try {
        const { exchange, routingKey } = route();
        channel.publish(exchange, routingKey, content, properties, confirmed);
      } catch (thrown) {
        answer(index, notStored(unavailable(`the message was not sent: ${describeError(thrown)}`, thrown)));
      }
    });
  });
}

function notConfirmed(error: Error, queue: string): WaybillError {
  if (error.message === "message nacked") {
    const text = `the broker refuses messages for "${queue}": the queue is at the length a policy allows, or most of its nodes are away; nothing was stored`;
    return new WaybillError("BACKEND_FULL", text, { cause: error });
  }
  const text =
    "the connection was lost before the broker confirmed; the message may or may not be stored: send it again under the same id";
  return unavailable(text, error);
}

function unconfirmed(session: Session): WaybillError {
  return unavailable(
    saysBlocked(session) ??
      "the broker did not confirm in time; the message may or may not be stored: send it again under the same id",
  );
}

function saysBlocked({ blocked }: Session): string | null {
  if (blocked === null) return null;
  return `the broker takes no messages for now (${blocked || "an alarm"}): free memory or disk on its machine, and it goes on by itself`;
}
