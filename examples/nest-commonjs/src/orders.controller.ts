import { BadRequestException, Body, Controller, HttpCode, Post } from "@nestjs/common";
import { isWaybillError } from "@waybill/core";
import { OrdersService } from "./orders.service";

@Controller("orders")
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Post()
  @HttpCode(202)
  async place(@Body() body: { orderId: string }) {
    try {
      return await this.orders.place(body?.orderId);
    } catch (error) {
      // The payload comes from a client: what does not match the job's schema is the client's mistake.
      if (isWaybillError(error, "PAYLOAD_INVALID")) throw new BadRequestException(error.message);
      throw error;
    }
  }
}
