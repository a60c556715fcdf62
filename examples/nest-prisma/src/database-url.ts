/** The jobs are in the database of the orders, in a schema of their own: this is what makes one transaction possible. */
export const databaseUrl = process.env.DATABASE_URL ?? "postgres://postgres:postgres@127.0.0.1:5432/shop";
