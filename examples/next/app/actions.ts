"use server";

import { redirect } from "next/navigation";
import { sendReceipt } from "@/jobs";
import { jobs } from "@/waybill";

/** The receipt is on disk before the browser gets its response, and it is sent after that. */
export async function buy(form: FormData): Promise<void> {
  const queue = await jobs();
  await queue.enqueue(sendReceipt, { orderId: String(form.get("orderId")) });
  redirect("/");
}
