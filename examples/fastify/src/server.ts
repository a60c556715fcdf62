import Fastify from "fastify";
import { dashboard } from "./dashboard.ts";
import { sendReceipt } from "./jobs.ts";
import { waybill } from "./waybill.ts";

const { PORT = "3000", WAYBILL_URL = "sqlite:./waybill.db" } = process.env;

const app = Fastify({ logger: true });
await app.register(waybill, { url: WAYBILL_URL });
await app.register(dashboard, { prefix: "/admin/jobs" });

const order = { type: "object", required: ["orderId"], properties: { orderId: { type: "string", minLength: 1 } } };
app.post<{ Body: { orderId: string } }>("/orders", { schema: { body: order } }, async (request, reply) => {
  // Once this resolves the job is stored: it runs, also if this process is killed now.
  const { id } = await app.jobs.enqueue(sendReceipt, request.body);
  return reply.code(202).send({ jobId: id });
});

await app.listen({ port: Number(PORT) });

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => app.close());
