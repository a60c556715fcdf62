import { survivesOutages } from "./outages.ts";

survivesOutages("rabbitmq");
