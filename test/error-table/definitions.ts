import { forwardEvery } from "@waybill/core/endpoint";
import { defineJob, derivedId, handlerFor, RetryLater } from "@waybill/core";
import { z } from "zod";
import type { Loose, Row } from "./row.ts";

const define = (options: object) => () => defineJob({ type: "a.b", ...options } as Loose);
const retry = (options: unknown) => define({ retry: options });

/** What is wrong about a job itself. */
export const definitions: readonly Row[] = [
  ["type: 7", define({ type: 7 }), /job type/, /7/, /"receipt\.send"/],
  ["type: 'receipt-send'", define({ type: "receipt-send" }), /job type/, /"receipt-send"/, /dots and underscores/],
  [
    "queue: 'Mail_Queue'",
    define({ queue: "Mail_Queue" }),
    /queue of "a\.b"/,
    /"Mail_Queue"/,
    /lower-case letters, digits/,
  ],
  ["version: '2'", define({ version: "2" }), /version of "a\.b"/, /"2"/, /a whole number from 1/],
  [
    "handler: 'send'",
    define({ handler: "send" }),
    /handler of "a\.b"/,
    /"send"/,
    /pass a function of \(payload, job\)/,
  ],
  ["handle() for handler", define({ handle() {} }), /defineJob/, /"handle"/, /did you mean "handler"/],
  [
    "payload: { id: 'string' }",
    define({ payload: { id: "string" } }),
    /payload of "a\.b"/,
    /an object/,
    /Standard Schema, such as z\.object/,
  ],
  ["args: [z.string()]", define({ args: [z.string()] }), /args of "a\.b"/, /a list/, /Standard Schema/],
  [
    "payload and args",
    define({ payload: z.string(), args: z.tuple([]) }),
    /payload and args/,
    /"a\.b"/,
    /keep the schema of/,
  ],
  ["timeout: '30 seconds'", define({ timeout: "30 seconds" }), /timeout of "a\.b"/, /"30 seconds"/, /"30s"/],
  ["timeout: null", define({ timeout: null }), /timeout of "a\.b"/, /null/, /"30s"/],
  ["deadline: '400d'", define({ deadline: "400d" }), /deadline of "a\.b"/, /34560000000 ms/, /at most "366d"/],
  [
    "upcasters: [fn]",
    define({ version: 2, upcasters: [() => 1] }),
    /upcasters of "a\.b"/,
    /a list/,
    /\{ 1: \(payload\)/,
  ],
  [
    "upcasters: { 1: 'x' }",
    define({ version: 2, upcasters: { 1: "x" } }),
    /upcasters\[1\] of "a\.b"/,
    /"x"/,
    /pass a function/,
  ],
  [
    "errors: { error, do }",
    define({ errors: { error: "X", do: "retry" } }),
    /errors of "a\.b"/,
    /an object/,
    /a list of \{ error, do \}/,
  ],
  [
    "errors: do: 'ignore'",
    define({ errors: [{ error: "X", do: "ignore" }] }),
    /errors\[0\] of "a\.b"/,
    /"ignore"/,
    /one of dead_letter, discard/,
  ],
  [
    "errors: error: Date",
    define({ errors: [{ error: Date, do: "discard" }] }),
    /errors\[0\] of "a\.b"/,
    /a function/,
    /a class of errors, a code/,
  ],
  ["retry: 3", retry(3), /retry options of "a\.b"/, /3/, /pass an object/],
  ["retry: attempts", retry({ attempts: 3 }), /retry options of "a\.b"/, /"attempts"/, /did you mean "maxAttempts"/],
  [
    "retry: maxAttempts: '3'",
    retry({ maxAttempts: "3" }),
    /retry\.maxAttempts of "a\.b"/,
    /"3"/,
    /a whole number from 1 to 100/,
  ],
  ["retry: factor: '2'", retry({ factor: "2" }), /retry\.factor of "a\.b"/, /"2"/, /at least 1/],
  ["retry: initial: '5 sec'", retry({ initial: "5 sec" }), /retry\.initial of "a\.b"/, /"5 sec"/, /"30s"/],
  ["retry: jitter: 'no'", retry({ jitter: "no" }), /retry\.jitter of "a\.b"/, /"no"/, /true or false/],
  [
    "retry: onExhaustion: 'forget'",
    retry({ onExhaustion: "forget" }),
    /retry\.onExhaustion of "a\.b"/,
    /"forget"/,
    /"dead_letter" or "discard"/,
  ],
  ["retry: nonRetryable: 'X'", retry({ nonRetryable: "X" }), /retry\.nonRetryable of "a\.b"/, /"X"/, /give a list/],
  [
    "retry: nonRetryable: [Date]",
    retry({ nonRetryable: [Date] }),
    /retry\.nonRetryable\[0\] of "a\.b"/,
    /a function/,
    /a class of errors/,
  ],
  [
    "handlerFor({ type })",
    () => handlerFor({ type: "a.b" } as Loose, () => {}),
    /first argument of handlerFor/,
    /an object/,
    /wrap it in defineJob/,
  ],
  [
    "forwardEvery({ timeOut })",
    () => forwardEvery({ handler: () => {}, timeOut: "1s" } as Loose),
    /forwardEvery/,
    /"timeOut"/,
    /did you mean "timeout"/,
  ],
  ["new RetryLater('soon')", () => new RetryLater("soon" as Loose), /delay of RetryLater/, /"soon"/, /"30s"/],
  ["derivedId('x')", () => derivedId("x" as Loose), /id is derived/, /"x"/, /a list of 1 to 16 texts/],
];
