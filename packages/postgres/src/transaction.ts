import type { Query } from "./database.ts";

/**
 * A transaction of the caller's: whatever runs a statement in it. A client of `pg` fits as it is; the functions below
 * make one from the transactions of other libraries, which are known here by their shape alone.
 */
export interface Transaction {
  /** One statement with numbered parameters: `$1`. */
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

export const queryOf =
  (transaction: Transaction): Query =>
  async (text, values = []) =>
    (await transaction.query(text, [...values])).rows;

/** What is used of Kysely's `Transaction`. */
export interface KyselyTransaction {
  /** As Kysely has it. */
  executeQuery(query: never): Promise<{ readonly rows: readonly unknown[] }>;
}

/** A Kysely transaction. `db.transaction().execute((trx) => … fromKysely(trx) …)` */
export function fromKysely(transaction: KyselyTransaction): Transaction {
  const execute = transaction.executeQuery.bind(transaction) as (query: object) => ReturnType<Transaction["query"]>;
  return {
    query: (sql, parameters) =>
      execute({
        sql,
        parameters,
        query: { kind: "RawNode", sqlFragments: [sql], parameters: [] },
        queryId: { queryId: "waybill" },
      }),
  };
}

/** What is used of a Drizzle transaction on PostgreSQL. */
export interface DrizzleTransaction {
  /** As Drizzle has it. */
  execute(query: never): PromiseLike<unknown>;
}

/** What is used of Drizzle's `sql`: called as a tag, and to carry a value as one parameter. */
export interface DrizzleSql {
  (strings: TemplateStringsArray, ...values: never[]): unknown;
  /** As Drizzle has it. */
  param(value: never): unknown;
}

/**
 * A Drizzle transaction, for `enqueueIn`. `db.transaction((tx) => … fromDrizzle(tx, sql) …)`, with the `sql` of
 * "drizzle-orm".
 */
export function fromDrizzle(transaction: DrizzleTransaction, sql: DrizzleSql): Transaction {
  const execute = transaction.execute.bind(transaction) as (query: unknown) => PromiseLike<unknown>;
  const tag = sql as unknown as (strings: readonly string[], ...values: unknown[]) => unknown;
  return {
    async query(text, values) {
      const parts = text.split(/\$(\d+)/);
      const strings = parts.filter((_, index) => index % 2 === 0);
      const given = parts.filter((_, index) => index % 2 === 1);
      const params = given.map((number) => sql.param(values[Number(number) - 1] as never));
      return { rows: rowsOf(await execute(tag(Object.assign(strings, { raw: strings }), ...params))) };
    },
  };
}

/** What is used of Prisma's client inside `$transaction`. */
export interface PrismaTransaction {
  /** As Prisma has it. */
  $queryRawUnsafe(query: string, ...values: unknown[]): PromiseLike<unknown>;
}

/** A Prisma transaction. `prisma.$transaction((tx) => … fromPrisma(tx) …)` */
export function fromPrisma(transaction: PrismaTransaction): Transaction {
  return {
    query: async (text, values) => ({ rows: rowsOf(await transaction.$queryRawUnsafe(text, ...values)) }),
  };
}

/** What is used of TypeORM's `EntityManager` or `QueryRunner`. */
export interface TypeOrmTransaction {
  /** As TypeORM has it. */
  query(query: string, parameters?: unknown[]): Promise<unknown>;
}

/** A TypeORM transaction. `dataSource.transaction((manager) => … fromTypeOrm(manager) …)` */
export function fromTypeOrm(transaction: TypeOrmTransaction): Transaction {
  return {
    query: async (text, values) => ({ rows: rowsOf(await transaction.query(text, values)) }),
  };
}

/** Libraries answer a list of rows, or an object that has one. */
function rowsOf(result: unknown): readonly unknown[] {
  if (Array.isArray(result)) return result;
  const rows = typeof result === "object" && result !== null && "rows" in result ? result.rows : null;
  if (Array.isArray(rows)) return rows;
  throw new TypeError("the transaction's library answered no rows; hand in a transaction of PostgreSQL");
}
