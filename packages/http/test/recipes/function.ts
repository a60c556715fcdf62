// A Cloud Function with a receiver, a relay and an ingress, for the functions framework to load. The secrets of all carriers
// are in SECRETS; GET /ran lists the bodies of the jobs that ran.
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, defineJob } from "@waybill/core";
import { createIngress, createReceiver, createRelay } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { receiverCarriers, relayCarriers, type Secrets } from "../carriers/every.ts";

const secrets = JSON.parse(process.env["SECRETS"] ?? "") as Secrets;
const ran: string[] = [];
const probe = defineJob({ type: "probe", timeout: "5s", handler: (_, job) => void ran.push(job.delivery.body) });
const jobs = await connect("memory:", { log: "off" });
await jobs.worker({ jobs: [probe] }).start();

const receive = nodeListener(
  createReceiver({
    jobs: [probe],
    keys: secrets.keys,
    carriers: receiverCarriers(secrets),
    keepDead: async () => {},
    maxBodyBytes: 10_000,
    log: "off",
  }),
);
const relay = nodeListener(createRelay({ to: jobs, carriers: relayCarriers(secrets), path: "/relay" }));
const ingress = nodeListener(createIngress({ to: jobs, keys: secrets.keys }));

export function work(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === "/ran") return void response.end(JSON.stringify(ran));
  return receive(request, response, () => relay(request, response, () => ingress(request, response)));
}
