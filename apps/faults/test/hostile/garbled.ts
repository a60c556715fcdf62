/**
 * Jobs are enqueued and run, and connections opened, while one piece of the server's replies after the other is garbled.
 * Ends with 0 once a job enqueued after that has run; prints how many pieces there were.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob } from "@waybill/core";
import { oddValues, startProxy } from "@waybill/test-servers";

const [url = "", seed = "1", count = "100"] = process.argv.slice(2);
/** The server's own, also where the URL carries another as a parameter. */
const port = Number(/127\.0\.0\.1:(\d+)/.exec(url)?.[1]);
const odd = oddValues(Number(seed));
const proxy = await startProxy({ port });
const through = proxy.url(url);

/** Replies that a parser reads as well-formed until it meets what it does not know. */
const WELL_FORMED: readonly Buffer[] = [
  // PostgreSQL: an authentication of an unknown kind; a row of more columns than it has bytes; an empty description.
  Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0xff, 0x0a]),
  Buffer.from([0x44, 0, 0, 0, 8, 0xff, 0xff, 0, 0]),
  Buffer.from([0x54, 0, 0, 0, 4]),
  // Redis: types and lengths that do not exist.
  Buffer.from("*-7\r\n$-7\r\n:x\r\n"),
  Buffer.from(">2\r\n*1\r\n$1\r\nx\r\n%1\r\n"),
  // AMQP: a method that does not exist, and one whose table is longer than its frame.
  Buffer.from([1, 0, 0, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff, 0xce]),
  Buffer.from([1, 0, 0, 0, 0, 0, 10, 0, 10, 0, 10, 0, 9, 0xff, 0xff, 0xff, 0xff, 0xce]),
  // HTTP: bodies that are not what their type says.
  Buffer.from("HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 1\r\n\r\n{"),
  Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull"),
  Buffer.from("HTTP/1.1 500 No\r\ncontent-type: text/xml\r\ncontent-length: 2\r\n\r\n<a"),
  Buffer.from("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
];

/** Each of the well-formed ones first, then any. */
function garbled(reply: Buffer, piece: number): Buffer {
  const wellFormed = WELL_FORMED[piece];
  if (wellFormed !== undefined) return wellFormed;
  switch (odd.below(4)) {
    case 0:
      return odd.pick(WELL_FORMED);
    case 1:
      return Buffer.concat([odd.pick(WELL_FORMED), reply]);
    case 2:
      return Buffer.from(odd.garbled(reply.toString("latin1")), "latin1");
    default:
      reply[odd.below(reply.length)] = odd.below(256);
      return reply;
  }
}

let ran = "";
const job = defineJob({ type: "garbled.job", handler: (_, { id }) => void (ran = id) });
const jobs = await connect(through, { log: "off", enqueueTimeout: 1_000 });
await jobs.worker({ jobs: [job], lease: "3s", shutdown: { drain: 100, abort: 100, close: 1_000 } }).start();
const calls: Promise<unknown>[] = [];
// Whether it succeeds is up to the garbled piece; the process lives either way.
const call = (made: Promise<unknown>): unknown => calls.push(made.catch(() => undefined));
let pieces = 0;
/** On a loaded machine fewer of the calls get a response. */
const FEWEST = 6;
const isEnough = (n: number): boolean => n >= Number(count) && (pieces >= FEWEST || n >= 20 * Number(count));
for (let n = 0; !isEnough(n); n += 1) {
  // Of a connection that is being opened, now and then one of the later pieces.
  let left = odd.below(4);
  proxy.garble((reply) => {
    left -= 1;
    if (left >= 0) return reply;
    proxy.garble(null);
    return garbled(reply, pieces++);
  });
  call(jobs.enqueue(job, {}));
  if (n % 5 === 0) call(connect(through, { log: "off", closeTimeout: 1_000 }).then((other) => other.close()));
  if (odd.below(8) === 0) {
    // All is opened anew: the next pieces are those of handshakes.
    proxy.cut();
    proxy.heal();
  }
  await sleep(odd.below(40));
}
proxy.garble(null);
// A length that was garbled may have a parser wait for what never comes.
proxy.cut();
proxy.heal();
await Promise.all(calls);
const honest = async (): Promise<string> => (await jobs.enqueue(job, {}).catch(() => ({ id: "none" }))).id;
const ids = new Set<string>();
for (const until = performance.now() + 60_000; !ids.has(ran); await sleep(50)) {
  if (performance.now() > until) throw new Error("no job has run 60 s after the last garbled reply");
  ids.add(await honest());
}
await Promise.race([jobs.close(), sleep(3_000)]);
console.log(JSON.stringify({ pieces }));
process.exit();
