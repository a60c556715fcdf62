import type { Message, Signature } from "../backend/contract.ts";
import { messageOf } from "../backend/message.ts";
import { type Envelope, writeEnvelope } from "../envelope/index.ts";

/** Signs one body now. Null: jobs are not signed. */
export type Sign = ((id: string, body: string) => Signature) | null;

/**
 * Writes the envelope and signs it. Returns a promise only for the rare text that has to be parsed to know that it is valid.
 * Throws or rejects `ENVELOPE_INVALID` for an envelope that no worker could read. `sized` is called with the length of the body.
 */
export function makeMessage(
  envelope: Envelope,
  sign: Sign,
  sized?: (length: number) => void,
): Message | Promise<Message> {
  const { body, isValidated } = writeEnvelope(envelope);
  sized?.(body.length);
  if (isValidated) return signedMessage(envelope, body, sign);
  return parser().then(({ parseEnvelope }) => {
    parseEnvelope(body);
    return signedMessage(envelope, body, sign);
  });
}

function signedMessage(envelope: Envelope, body: string, sign: Sign): Message {
  return messageOf(envelope, body, sign === null ? null : sign(envelope.id, body));
}

let loading: Promise<typeof import("../envelope/parse.ts")> | null = null;

/** Loaded when a text has to be parsed, which envelopes that are made here hardly ever need. */
export function parser(): Promise<typeof import("../envelope/parse.ts")> {
  return (loading ??= import("../envelope/parse.ts"));
}
