/** Identifies one request among all others. */
export interface ReplayKey {
  /** Unique among the requests that are fresh until the same moment. */
  readonly name: string;
  /** Unix milliseconds. From then on the carrier refuses the request as stale. */
  readonly freshUntil: number;
}

/** The replay key of a request, and what a receiver does when the request comes again after its job has ended. */
export interface ReplayProtection extends ReplayKey {
  /**
   * "refuse": 403. "repeat": the response of the first request, for carriers that repeat a request until they get a
   * response. A relay and an ingress ignore this: they respond that the job was stored before.
   */
  readonly onReplay: "refuse" | "repeat";
}
