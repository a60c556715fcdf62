/** A push that a receiver has refused. */
export interface PushRefusedEvent {
  /** The status of the response. */
  readonly status: number;
  /** The code in the response. */
  readonly code: string;
  /** The reason. The response does not have it. */
  readonly message: string;
  /** The remote address of the socket, "unix", or null if unknown. */
  readonly peer: string | null;
  readonly path: string;
}

/** A receiver that a sender cannot reach. */
export interface ReceiverUnavailableEvent {
  /** The URL that the jobs were sent to, without its query. */
  readonly to: string;
  /** Null without a response. */
  readonly status: number | null;
  /** The code in the reason of the jobs that were released for it. */
  readonly code: string;
  readonly message: string;
}
