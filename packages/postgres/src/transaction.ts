import { configInvalid } from "@waybill/core/backend";
import type { Query } from "./connection/query.ts";

/**
 * A transaction of the caller: an object that runs a statement in it. A client of `pg` on which you ran `BEGIN` fits as it
 * is. A `Pool` does not, since it runs each statement on any connection. The functions below make one from the transactions
 * of other libraries, which are recognised by their shape. A handle that is in no transaction is refused, `CONFIG_INVALID`.
 */
export interface Transaction {
  /** Runs one statement with numbered parameters: `$1`. */
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Throws `CONFIG_INVALID` for a value without `query`, which plain JavaScript may hand in, and for a `Pool` of `pg`. */
export function assertTransaction(handedIn: unknown): asserts handedIn is Transaction {
  const isOne = typeof handedIn === "object" && handedIn !== null && "query" in handedIn;
  const isPool = isOne && "totalCount" in handedIn && "idleCount" in handedIn;
  if (isOne && typeof handedIn.query === "function" && !isPool) return;
  if (isPool) {
    throw configInvalid(
      "the transaction handed in is a Pool, which runs each statement on any connection, outside your transaction: " +
        'hand in the client of "pg" on which you ran BEGIN, from await pool.connect()',
    );
  }
  const what = handedIn === null ? "null" : isOne ? "an object whose query is no function" : `${typeof handedIn}`;
  throw configInvalid(
    `the transaction handed in is ${what}: hand in the client of "pg" on which you began it, or the result of fromKysely, ` +
      "fromDrizzle, fromPrisma or fromTypeOrm",
  );
}

/** Transactions made below, of which the library says that they are open. */
const begun = new WeakSet<Transaction>();

function transactionOf(isOpen: boolean, run: (text: string, values: unknown[]) => PromiseLike<unknown>): Transaction {
  const transaction: Transaction = {
    query: async (text, values) => ({ rows: rowsOf(await run(text, values)) }),
  };
  if (isOpen) begun.add(transaction);
  return transaction;
}

/** Whether the library says that a transaction is open. False where it does not say: the server must then be asked. */
export function isBegun(transaction: Transaction): boolean {
  if (begun.has(transaction)) return true;
  // Since pg 8.17: the status in the server's last reply, "T" in a transaction.
  const { getTransactionStatus } = transaction as { getTransactionStatus?: unknown };
  return typeof getTransactionStatus === "function" && getTransactionStatus.call(transaction) === "T";
}

export const queryOf =
  (transaction: Transaction): Query =>
  async (text, values = []) =>
    (await transaction.query(text, [...values])).rows;

/** The members of Kysely's `Transaction` that are used here. */
export interface KyselyTransaction {
  /** As in Kysely. */
  readonly isTransaction?: boolean;
  /** As in Kysely. */
  executeQuery(query: never): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Wraps a Kysely transaction. `db.transaction().execute((trx) => … fromKysely(trx) …)` */
export function fromKysely(transaction: KyselyTransaction): Transaction {
  const execute = transaction.executeQuery.bind(transaction) as (query: object) => Promise<unknown>;
  return transactionOf(transaction.isTransaction === true, (sql, parameters) =>
    execute({
      sql,
      parameters,
      query: { kind: "RawNode", sqlFragments: [sql], parameters: [] },
      queryId: { queryId: "waybill" },
    }),
  );
}

/** The members of a Drizzle transaction on PostgreSQL that are used here. */
export interface DrizzleTransaction {
  /** As in Drizzle, of a transaction only. */
  rollback?(): never;
  /** As in Drizzle. */
  execute(query: never): PromiseLike<unknown>;
}

/** Drizzle's `sql`, as far as it is used here. */
export interface DrizzleSql {
  (strings: TemplateStringsArray, ...values: never[]): unknown;
  /** As in Drizzle. */
  param(value: never): unknown;
}

/** Wraps a Drizzle transaction. `db.transaction((tx) => … fromDrizzle(tx, sql) …)`, with the `sql` of "drizzle-orm". */
export function fromDrizzle(transaction: DrizzleTransaction, sql: DrizzleSql): Transaction {
  const execute = transaction.execute.bind(transaction) as (query: unknown) => PromiseLike<unknown>;
  const tag = sql as unknown as (strings: readonly string[], ...values: unknown[]) => unknown;
  return transactionOf(typeof transaction.rollback === "function", (text, values) => {
    const parts = text.split(/\$(\d+)/);
    const strings = parts.filter((_, index) => index % 2 === 0);
    const given = parts.filter((_, index) => index % 2 === 1);
    const params = given.map((number) => sql.param(values[Number(number) - 1] as never));
    return execute(tag(Object.assign(strings, { raw: strings }), ...params));
  });
}

/** The member of Prisma's client inside `$transaction` that is used here. */
export interface PrismaTransaction {
  /** As in Prisma. */
  $queryRawUnsafe(query: string, ...values: unknown[]): PromiseLike<unknown>;
}

/** Wraps a Prisma transaction. `prisma.$transaction((tx) => … fromPrisma(tx) …)` */
export function fromPrisma(transaction: PrismaTransaction): Transaction {
  const isOpen = Symbol.for("prisma.client.transaction.id") in transaction;
  return transactionOf(isOpen, (text, values) => transaction.$queryRawUnsafe(text, ...values));
}

/** The members of TypeORM's `EntityManager` or `QueryRunner` that are used here. */
export interface TypeOrmTransaction {
  /** As in TypeORM, of an `EntityManager` in a transaction. */
  readonly queryRunner?: { readonly isTransactionActive: boolean } | undefined;
  /** As in TypeORM, of a `QueryRunner`. */
  readonly isTransactionActive?: boolean;
  /** As in TypeORM. */
  query(query: string, parameters?: unknown[]): Promise<unknown>;
}

/** Wraps a TypeORM transaction. `dataSource.transaction((manager) => … fromTypeOrm(manager) …)` */
export function fromTypeOrm(transaction: TypeOrmTransaction): Transaction {
  const isOpen = (transaction.queryRunner ?? transaction).isTransactionActive === true;
  return transactionOf(isOpen, (text, values) => transaction.query(text, values));
}

/** Libraries return a list of rows, or an object with one. */
function rowsOf(result: unknown): readonly unknown[] {
  if (Array.isArray(result)) return result;
  const rows = typeof result === "object" && result !== null && "rows" in result ? result.rows : null;
  if (Array.isArray(rows)) return rows;
  throw new TypeError("the transaction's library returned no rows; hand in a transaction of PostgreSQL");
}
