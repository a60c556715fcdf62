import { newId, newSecret } from "@waybill/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BodyReader } from "../../src/endpoint/body-reader.ts";
import type { Carrier } from "../../src/push/carrier.ts";
import { createEndpoint } from "../../src/endpoint/endpoint.ts";
import { cloudTasks, eventBridge, native, pubsub, qstash, sns, sqsd } from "../../src/index.ts";
import type { PushRefused } from "../../src/push/push-refused.ts";
import type { PushRequest } from "../../src/push/push-request.ts";
import type { BodyTransfer } from "../../src/push/body-transfer.ts";
import { EventBus } from "@waybill/core";
import { asked } from "../support/plain-request.ts";
import { now, signed } from "../support/signed-requests.ts";

const audience = "https://app.example/work";
const google = { audience, serviceAccounts: ["push@shop.example"], jwks: { keys: [] } };
const key = "k".repeat(20);
const good = signed("{}", { id: newId() });
const unsignedToken = `${Buffer.from('{"alg":"none"}').toString("base64url")}.e30.`;

/** Headers that no body could make valid, by the carrier that they come to. */
const HOPELESS: readonly (readonly [string, Carrier, Record<string, string>])[] = [
  ["of another scheme", native({ keys: newSecret() }), { ...good, "webhook-signature": "v1a,AAAA" }],
  ["with a signature cut short", native({ keys: newSecret() }), { ...good, "webhook-signature": "v1,AAAA" }],
  ["without a timestamp", native({ keys: newSecret() }), { ...good, "webhook-timestamp": "soon" }],
  ["six minutes old", native({ keys: newSecret() }), { ...good, "webhook-timestamp": `${now() - 360}` }],
  ["six minutes ahead", native({ keys: newSecret() }), { ...good, "webhook-timestamp": `${now() + 360}` }],
  ["under no id", native({ keys: newSecret() }), { ...good, "webhook-id": "a.b" }],
  ["of Cloud Tasks without a token", cloudTasks(google), { "x-cloudtasks-queuename": "q" }],
  [
    "of Cloud Tasks, its token unsigned",
    cloudTasks(google),
    { "x-cloudtasks-queuename": "q", authorization: `Bearer ${unsignedToken}` },
  ],
  ["of Pub/Sub without a token", pubsub(google), { "x-goog-pubsub-subscription-name": "s" }],
  [
    "of QStash, its token unsigned",
    qstash({ currentKey: key, nextKey: key, url: audience }),
    { "upstash-signature": unsignedToken },
  ],
  [
    "of EventBridge with another key",
    eventBridge({ keys: key }),
    { "user-agent": "Amazon/EventBridge/ApiDestinations", "x-api-key": "guess" },
  ],
  [
    "of SNS, delivered raw",
    sns({ topics: ["arn:aws:sns:eu-west-1:111122223333:jobs"] }),
    { "x-amz-sns-message-type": "Notification", "x-amz-sns-rawdelivery": "true" },
  ],
  [
    "of another topic of SNS",
    sns({ topics: ["arn:aws:sns:eu-west-1:111122223333:jobs"] }),
    { "x-amz-sns-message-type": "Notification", "x-amz-sns-topic-arn": "arn:aws:sns:eu-west-1:999999999999:x" },
  ],
  [
    "of a task that is not declared",
    sqsd({ keys: newSecret() }),
    { "user-agent": "aws-sqsd/3", "x-aws-sqsd-msgid": "m", "x-aws-sqsd-taskname": "x" },
  ],
];

describe("a request that its headers rule out is refused before the body is read", () => {
  test.each(HOPELESS)("a request %s", async (_, carrier, headers) => {
    const read = vi.fn<PushRequest["read"]>(() => new Promise(() => {}));
    const inside = { refuseEarly: () => null, process: () => Promise.reject(new Error("it was let in")) };
    const endpoint = createEndpoint({ path: "/work", carriers: [carrier], events: new EventBus() }, inside);
    expect(await endpoint.receive(asked("", { headers, read }))).toMatchObject({ status: 403 });
    expect(read).not.toHaveBeenCalled();
  });
});

describe("when the limit of bodies in progress is reached", () => {
  const SMALL = { "content-length": "100" };
  const LARGE = { "content-length": "100000" };
  beforeEach(() => void vi.useFakeTimers({ toFake: ["performance", "setTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  /** One body in progress, and the code it is refused with. */
  class Slow {
    transfer: BodyTransfer | null = null;
    ended: string | null = null;

    constructor(bodies: BodyReader, peer: string, headers: Record<string, string>) {
      const read: PushRequest["read"] = (_most, _ms, transfer) => {
        this.transfer = transfer;
        return new Promise(() => {});
      };
      bodies
        .read(asked("", { peer, headers, read }), (body) => body())
        .catch((refused: PushRefused) => {
          this.ended = refused.code;
        });
    }
  }
  const many = (count: number, bodies: BodyReader, peer: string, headers: Record<string, string>): Slow[] =>
    Array.from({ length: count }, () => new Slow(bodies, peer, headers));
  const ends = async (list: readonly Slow[]): Promise<(string | null)[]> => {
    await vi.advanceTimersByTimeAsync(0);
    return list.map(({ ended }) => ended).filter((ended) => ended !== null);
  };
  const whole = (bodies: BodyReader, peer: string, headers = SMALL): Promise<string> =>
    bodies.read(asked("it", { peer, headers }), async (body) => String(await body()));

  test("the slowest is dropped, and the new one is read", async () => {
    const bodies = new BodyReader(1_000_000, 10_000);
    const [first] = many(1, bodies, "10.0.0.1", SMALL);
    await vi.advanceTimersByTimeAsync(50);
    const others = many(255, bodies, "10.0.0.1", SMALL);
    await vi.advanceTimersByTimeAsync(50);
    expect(await whole(bodies, "10.0.0.1")).toBe("it");
    expect(first?.ended).toBe("BODY_TIMEOUT");
    expect(await ends(others)).toEqual([]);
  });

  test("of the large ones the slowest is dropped, though others wait for longer", async () => {
    const bodies = new BodyReader(1_000_000, 10_000);
    const small = many(100, bodies, "10.0.0.1", SMALL);
    await vi.advanceTimersByTimeAsync(50);
    const large = many(32, bodies, "10.0.0.1", LARGE);
    await vi.advanceTimersByTimeAsync(50);
    expect(await whole(bodies, "10.0.0.1", LARGE)).toBe("it");
    expect([await ends(small), await ends(large)]).toEqual([[], ["BODY_TIMEOUT"]]);
  });

  test("one of a client with many is dropped before one of a client with few that waits for longer", async () => {
    const bodies = new BodyReader(1_000_000, 10_000);
    const few = many(6, bodies, "10.0.0.1", SMALL);
    await vi.advanceTimersByTimeAsync(500);
    const crowd = many(250, bodies, "10.0.0.2", SMALL);
    await vi.advanceTimersByTimeAsync(100);
    for (let at = 0; at < 100; at += 1) expect(await whole(bodies, `10.1.0.${at}`)).toBe("it");
    // One is dropped; each of the requests uses its slot and frees it again.
    expect([await ends(few), await ends(crowd)]).toEqual([[], ["BODY_TIMEOUT"]]);
  });

  test("bodies that come fast enough stay, and one more is refused as FULL", async () => {
    const bodies = new BodyReader(1_000_000, 10_000);
    const fast = many(32, bodies, "10.0.0.1", LARGE);
    await vi.advanceTimersByTimeAsync(100);
    for (const { transfer } of fast) transfer?.received(50_000);
    await expect(whole(bodies, "10.0.0.2", LARGE)).rejects.toMatchObject({ code: "FULL" });
    expect(await ends(fast)).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await whole(bodies, "10.0.0.2", LARGE)).toBe("it");
  });

  test("a request whose verification is slow is dropped as well", async () => {
    const bodies = new BodyReader(1_000_000, 10_000);
    const proving = Array.from({ length: 256 }, () =>
      bodies.read(asked("", { headers: SMALL }), () => new Promise(() => {})).catch(({ code }: PushRefused) => code),
    );
    await vi.advanceTimersByTimeAsync(10);
    expect(await whole(bodies, "10.0.0.2")).toBe("it");
    expect(await proving[0]).toBe("BODY_TIMEOUT");
  });
});
