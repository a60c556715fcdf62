import { integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";

export const products = pgTable("products", {
  id: text().primaryKey(),
  stock: integer().notNull(),
});

export const orders = pgTable("orders", {
  id: text().primaryKey(),
  productId: text("product_id")
    .notNull()
    .references(() => products.id),
  receiptSentAt: timestamp("receipt_sent_at", { withTimezone: true }),
});
