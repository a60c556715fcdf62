// Attacks without a key: `attacker.ts PORT SOCKETS PATH,… ATTACK,…`. Keeps SOCKETS connections busy with these attacks, in turn,
// and starts each again when it has ended. Sends its parent a message when all have been open once.
import { randomBytes, randomUUID } from "node:crypto";
import { connect, type Socket } from "node:net";
import { ATTACKS, type Attack, type AttackName } from "./attacks.ts";

const [port = "0", sockets = "300", where = "", names = ""] = process.argv.slice(2);
const attacks = names.split(",").map((name) => ATTACKS[name as AttackName]);
const paths = where.split(",");
let begun = 0;
let opened = 0;

/** Well-formed and fresh: only the signature of the body shows that it is forged. */
function head(path: string, fields: readonly string[]): string {
  const signed = [
    `webhook-id: ${randomUUID()}`,
    `webhook-timestamp: ${Math.floor(Date.now() / 1_000)}`,
    `webhook-signature: v1,${randomBytes(32).toString("base64")}`,
  ];
  return [`POST ${path} HTTP/1.1`, "host: app", ...signed, ...fields].join("\r\n");
}

function strike(): void {
  const attack: Attack = attacks[begun % attacks.length]!;
  const path = paths[begun % paths.length]!;
  begun += 1;
  const socket: Socket = connect(Number(port), "127.0.0.1");
  let timer: NodeJS.Timeout | undefined;
  socket.on("error", () => {});
  socket.on("close", () => {
    clearInterval(timer);
    setTimeout(strike, 200);
  });
  socket.on("connect", () => {
    if ((opened += 1) === Number(sockets)) process.send?.("all have been open");
    socket.write(attack.first(head, path));
    const { more, everyMs } = attack;
    if (more !== null) timer = setInterval(() => socket.writable && socket.write(more()), everyMs);
  });
  // The attacker does not read responses.
  socket.on("data", () => attack.hangsUp && socket.destroy());
}

for (let count = 0; count < Number(sockets); count += 1) strike();
process.once("disconnect", () => process.exit(0));
