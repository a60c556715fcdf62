import { once } from "node:events";
import { type Doctor, WaybillError } from "@waybill/core";
import type {
  BackendContext,
  ExaminableBackend,
  InspectableBackend,
  Lease,
  Message,
  RosterBackend,
  TransactionalBackend,
} from "@waybill/core/backend";
import { postgresCapabilities } from "./capabilities.ts";
import { createClaim } from "./claim.ts";
import { openDatabase, type Query } from "./database.ts";
import { createDoctor } from "./doctor.ts";
import { createEnqueue } from "./enqueue.ts";
import { addressOf, databaseError, invalid, transactionError } from "./errors.ts";
import { createHints } from "./hints.ts";
import { createInbox } from "./inbox.ts";
import { createInspector } from "./inspector.ts";
import { arrayLiteral } from "./label.ts";
import { type Listener, startListener } from "./listener.ts";
import { bringUpToDate } from "./migrate.ts";
import { createNews, newsIn } from "./news.ts";
import type { Settings } from "./options.ts";
import { createRetention } from "./retention.ts";
import { createRoster } from "./roster.ts";
import { examineServer } from "./server.ts";
import { meansOtherwise } from "./session.ts";
import { createSettle, tooLong } from "./settle.ts";
import { channelOf } from "./sql/schema.ts";
import { type Transaction, queryOf } from "./transaction.ts";
import { createUpkeep } from "./upkeep.ts";
import { createWaiting } from "./waiting.ts";

/** What the backend offers beyond the seven verbs. */
export interface PostgresBackend extends InspectableBackend, ExaminableBackend, RosterBackend, TransactionalBackend {
  /** As `enqueue`, once the transaction commits. */
  enqueueIn(transaction: Transaction, messages: readonly Message[]): ReturnType<InspectableBackend["enqueue"]>;
  /** As `ack` of one lease, once the transaction commits. Rejects `LEASE_LOST`. */
  completeIn(transaction: Transaction, lease: Lease): Promise<void>;
}

/** Statements under way at `close` have this long to end. */
const CLOSE_MS = 1_500;

export async function openPostgres(settings: Settings, context: BackendContext): Promise<PostgresBackend> {
  const { schema } = settings;
  const address = addressOf(settings.url, schema);
  const database = openDatabase(settings);
  const capabilities = postgresCapabilities(settings.connections);
  let closing: Promise<void> | undefined;
  let listener: Listener | null = null;

  function ensureOpen(): void {
    if (closing !== undefined)
      throw new WaybillError("BACKEND_CLOSED", `${address} was closed; connect again to use it`);
  }

  /** Also while the backend closes: what a last look brought is handed back. */
  const lastQuery: Query = async (text, values) => {
    try {
      return await database.query(text, values);
    } catch (thrown) {
      throw databaseError(thrown, address, "use");
    }
  };

  const query: Query = async (text, values) => {
    ensureOpen();
    return lastQuery(text, values);
  };

  /** Statements in a transaction of the caller's, which alone can be run again. */
  const theirs =
    (transaction: Transaction): Query =>
    async (text, values) => {
      try {
        return await queryOf(transaction)(text, values);
      } catch (thrown) {
        throw transactionError(thrown, address);
      }
    };

  const enqueue = createEnqueue(schema, capabilities);
  const settle = createSettle(schema, capabilities, settings.maxCount > 0 && settings.maxAgeMs > 0);
  const admit = createInbox(database, schema, context, enqueue);
  const upkeep = createUpkeep(query, schema, admit, createRetention(query, settings));
  const pace = (): number => (listener?.listening() ? Infinity : settings.pollMs);
  const waiting = createWaiting(createClaim(lastQuery, schema), upkeep, pace, context.report);
  const tell = (queues: readonly string[]): void => {
    // A hint: with the server away nobody could use it, and whoever waits looks by itself before long.
    query(`SELECT "${schema}".tell($1::text::text[])`, [arrayLiteral(queues)]).catch(() => waiting.wakeAll());
  };
  const hints = createHints(tell);
  const news = createNews(hints, waiting);

  function heard(payload: string): void {
    if (payload === "") waiting.tend();
    else waiting.wake(payload);
  }

  async function open(): Promise<Doctor> {
    try {
      const server = await examineServer(database.query, address);
      if (await meansOtherwise(database.query)) database.distrustDefaults();
      await bringUpToDate(database, schema, settings.migrate);
      const doctor = createDoctor(query, settings, server, () => listener?.listening() ?? false);
      if (settings.listenUrl === null) return doctor;
      const channel = channelOf(schema);
      listener = await startListener({ url: settings.listenUrl, channel, query, heard, missed: waiting.wakeAll });
      if (listener === null && settings.mustListen) {
        throw invalid(
          `${address}: notifications do not arrive at the "listen" URL; name the server itself there, not a pooler`,
        );
      }
      return doctor;
    } catch (thrown) {
      await close();
      throw databaseError(thrown, address, "open");
    }
  }

  async function close(): Promise<void> {
    const until = performance.now() + CLOSE_MS;
    hints.close();
    listener?.close();
    // With the server away, what the last looks brought comes back when its lease ends.
    await Promise.race([waiting.dismiss(), once(AbortSignal.timeout(CLOSE_MS / 2), "abort")]);
    await database.close(until - performance.now());
  }

  const doctor = await open();
  return {
    name: "postgres",
    address,
    capabilities,
    doctor,
    roster: createRoster(query, schema),
    inspector: createInspector(query, schema, (queue) => (queue === "" ? waiting.tend() : waiting.wake(queue))),
    async enqueue(messages) {
      if (messages.length === 0) return [];
      const answers = await enqueue(query, messages, news.of(messages));
      news.spread(messages);
      return answers;
    },
    async lease(request) {
      ensureOpen();
      if (request.leaseMs > capabilities.maxLeaseMs) throw tooLong({ id: "any" }, "lease", capabilities.maxLeaseMs);
      return waiting.lease(request);
    },
    ack: (leases) => settle.ack(query, leases),
    async retry(lease, request) {
      const stored = [{ queue: lease.queue, delayMs: request.delayMs }];
      await settle.retry(query, lease, request, news.of(stored));
      news.spread(stored);
    },
    deadLetter: (lease, reason) => settle.deadLetter(query, lease, reason),
    extend: (leases, leaseMs) => settle.extend(query, leases, leaseMs),
    enqueueIn: (transaction, messages) => enqueue(theirs(transaction), messages, newsIn(messages)),
    async completeIn(transaction, lease) {
      const [answer] = await settle.ack(theirs(transaction), [lease]);
      if (answer && !answer.ok) throw answer.error;
    },
    close: () => (closing ??= close()),
  };
}
