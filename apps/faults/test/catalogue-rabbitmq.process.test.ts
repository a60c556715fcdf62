import { runsCutOn } from "./catalogue.ts";

runsCutOn("rabbitmq");
