import { expect, test } from "vitest";
import { createPauseGate } from "../../src/worker/pause-gate.ts";

/** A gate before the queue "q", what the ledger says of it, and how many listen to changes. */
function gateOf({ excludesTypes = true } = {}) {
  const listeners = new Set<() => void>();
  const stop = new AbortController();
  let isPaused = false;
  let pausedTypes: readonly string[] = [];
  const gate = createPauseGate({
    control: {
      isPaused: (queue) => queue === "q" && isPaused,
      get pausedTypes() {
        return pausedTypes;
      },
      onChange(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
    excludesTypes,
    queue: "q",
    signal: stop.signal,
  });
  const change = (queueIsPaused: boolean, types: readonly string[] = pausedTypes): void => {
    isPaused = queueIsPaused;
    pausedTypes = types;
    for (const listener of listeners) listener();
  };
  return { gate, change, stop, listeners };
}

/** Whether the gate has opened by the next turn of the event loop. */
const hasOpened = (opened: Promise<void>): Promise<boolean> =>
  Promise.race([opened.then(() => true), new Promise<false>((resolve) => setImmediate(() => resolve(false)))]);

test("a pause of the queue aborts the open lease call, and the next call is not aborted", () => {
  const { gate, change } = gateOf();
  const { signal } = gate.request();
  expect([gate.isPaused(), signal.aborted]).toEqual([false, false]);
  change(true);
  expect([gate.isPaused(), signal.aborted, gate.request().signal.aborted]).toEqual([true, true, false]);
});

test("a pause of a type aborts the open lease call, and the next one leaves the type out until it is resumed", () => {
  const { gate, change } = gateOf();
  const { signal } = gate.request();
  change(false, ["mail.send"]);
  expect(signal.aborted).toBe(true);
  expect(gate.request()).toEqual({ signal: expect.any(AbortSignal), excludeTypes: ["mail.send"] });
  change(false, []);
  expect(gate.request()).toEqual({ signal: expect.any(AbortSignal) });
});

test("a backend that cannot leave types out is not asked to", () => {
  const { gate, change } = gateOf({ excludesTypes: false });
  change(false, ["mail.send"]);
  expect(gate.request()).toEqual({ signal: expect.any(AbortSignal) });
});

test("a change that concerns neither the queue nor a type leaves the open lease call alone", () => {
  const { gate, change } = gateOf();
  const { signal } = gate.request();
  change(false);
  expect(signal.aborted).toBe(false);
});

test("a loop that waits for a paused queue goes on once it is resumed, and not after any other change", async () => {
  const { gate, change } = gateOf();
  expect(await hasOpened(gate.whenOpen())).toBe(true);
  change(true);
  const opened = gate.whenOpen();
  expect(await hasOpened(opened)).toBe(false);
  change(true, ["mail.send"]);
  expect(await hasOpened(opened)).toBe(false);
  change(false);
  expect(await hasOpened(opened)).toBe(true);
});

test("a loop that waits for a paused queue goes on although a type is paused with the same change", async () => {
  const { gate, change } = gateOf();
  change(true);
  const opened = gate.whenOpen();
  change(false, ["mail.send"]);
  expect(await hasOpened(opened)).toBe(true);
});

test("once the worker stops, the open lease call is aborted, no loop waits, and no change is listened to", async () => {
  const { gate, change, stop, listeners } = gateOf();
  change(true);
  const opened = gate.whenOpen();
  const { signal } = gate.request();
  stop.abort();
  expect([signal.aborted, gate.request().signal.aborted, listeners.size]).toEqual([true, true, 0]);
  expect(await hasOpened(opened)).toBe(true);
  expect(await hasOpened(gate.whenOpen())).toBe(true);
});

test("without a ledger nothing is paused, and only the stop aborts a call", async () => {
  const { signal } = new AbortController();
  const gate = createPauseGate({ control: null, excludesTypes: true, queue: "q", signal });
  expect([gate.isPaused(), gate.request().signal, await hasOpened(gate.whenOpen())]).toEqual([false, signal, true]);
});
