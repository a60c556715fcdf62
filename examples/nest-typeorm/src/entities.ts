import { Column, Entity, PrimaryColumn } from "typeorm";

@Entity("products")
export class Product {
  @PrimaryColumn("text")
  id!: string;

  @Column("integer")
  stock!: number;
}

@Entity("orders")
export class Order {
  @PrimaryColumn("text")
  id!: string;

  @Column("text", { name: "product_id" })
  productId!: string;

  @Column("timestamptz", { name: "receipt_sent_at", nullable: true })
  receiptSentAt!: Date | null;
}
