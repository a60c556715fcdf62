import type { EventBus, WaybillEvents } from "@waybill/core";
import type { Settlement } from "./settlement.ts";

/** Whether anybody is at the other end, as far as the last answers tell. */
export class ReceiverHealth {
  readonly #to: string;
  readonly #events: EventBus | null;
  /** A job was lost, and nobody has answered since. */
  #inDoubt = false;
  /** What was said last; null when all is well. */
  #trouble: string | null = null;

  constructor(to: string, events: EventBus | null) {
    this.#to = to;
    this.#events = events;
  }

  /** An application answered: it lives, whatever it said. */
  answered(): void {
    this.#inDoubt = false;
  }

  isInDoubt(): boolean {
    return this.#inDoubt;
  }

  /** Says so when the receiver has gone, has come back, or is gone for another reason than before. */
  note(settlement: Settlement): void {
    switch (settlement.kind) {
      case "decided":
      case "failed":
        return this.#well();
      case "lost":
        this.#inDoubt = true;
        return this.#unwell(settlement);
      case "undelivered":
        return settlement.isTrouble ? this.#unwell(settlement) : this.#well();
    }
  }

  #well(): void {
    if (this.#trouble === null) return;
    this.#trouble = null;
    this.#events?.emit("receiver_recovered", { to: this.#to });
  }

  #unwell({ code, status, message }: Omit<WaybillEvents["receiver_unavailable"], "to">): void {
    const trouble = `${code} ${status}`;
    if (this.#trouble === trouble) return;
    this.#trouble = trouble;
    this.#events?.emit("receiver_unavailable", { to: this.#to, status, code, message });
  }
}
