import { Body, Controller, Post } from "@nestjs/common";
import { OrdersService } from "./orders.service.js";

@Controller("orders")
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Post()
  async place(@Body() { orderId, productId }: { orderId: string; productId: string }) {
    await this.orders.place(orderId, productId);
    return { orderId };
  }
}
