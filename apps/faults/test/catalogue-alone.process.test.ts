import { runsCut } from "./catalogue.ts";

runsCut(({ scenario }) => scenario.load === "alone");
