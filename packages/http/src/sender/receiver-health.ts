import type { EventBus, WaybillEvents } from "@waybill/core";
import type { Settlement } from "./settlement.ts";

/** Whether the receiver is available, as far as the last responses show. */
export class ReceiverHealth {
  readonly #to: string;
  readonly #events: EventBus | null;
  /** True after a job was lost, until the receiver responds. */
  #inDoubt = false;
  /** What the last event reported; null if the receiver is available. */
  #trouble: string | null = null;

  constructor(to: string, events: EventBus | null) {
    this.#to = to;
    this.#events = events;
  }

  /** Notes that the application is running: it sent a response, whatever it was. */
  responded(): void {
    this.#inDoubt = false;
  }

  /** Returns true if the receiver must prove with a HEAD that it is running before it gets another job. */
  isInDoubt(): boolean {
    return this.#inDoubt;
  }

  /** Emits an event when the receiver becomes unavailable, becomes available, or is unavailable for another reason. */
  note(settlement: Settlement): void {
    switch (settlement.kind) {
      case "decided":
      case "failed":
        return this.#available();
      case "lost":
        this.#inDoubt = true;
        return this.#unavailable(settlement);
      case "undelivered":
        return settlement.isTrouble ? this.#unavailable(settlement) : this.#available();
    }
  }

  #available(): void {
    if (this.#trouble === null) return;
    this.#trouble = null;
    this.#events?.emit("receiver_recovered", { to: this.#to });
  }

  #unavailable({ code, status, message }: Omit<WaybillEvents["receiver_unavailable"], "to">): void {
    const trouble = `${code} ${status}`;
    if (this.#trouble === trouble) return;
    this.#trouble = trouble;
    this.#events?.emit("receiver_unavailable", { to: this.#to, status, code, message });
  }
}
