import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { dirname } from "node:path";
import { handlerFor } from "@waybill/core";
import { runInline } from "@waybill/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type DemoFiles, demoFiles } from "../src/album.ts";
import { mailAlbumReady, mailId } from "../src/jobs.ts";
import { readReceipt } from "../src/receipt.ts";
import { type Mailbox, sendMail } from "../src/handlers/mail.ts";
import { temporaryFolder } from "./demo-process.ts";

const albumId = "2f6f62aa-0000-4000-8000-000000000001";
const id = mailId(albumId);
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let files: DemoFiles;
beforeEach(async () => {
  folder = await temporaryFolder();
  files = demoFiles(folder.path);
  await mkdir(dirname(files.manifest(albumId)), { recursive: true });
  const photos = [{ id: "a-1", name: "a.jpg" }];
  await writeFile(files.manifest(albumId), JSON.stringify({ id: albumId, title: "Zürich", sealedAt: 0, photos }));
  await writeFile(files.contactSheet(albumId), "a picture");
});
afterEach(() => folder.remove());

const mailHandler = (of: DemoFiles, mailbox: Mailbox) =>
  handlerFor(mailAlbumReady, ({ albumId: album }, job) => sendMail(of, mailbox, album, job.id));

test("with SMTP_URL the mail goes to that server, once, however often the job runs", async () => {
  const server = await smtpServer();
  const job = mailHandler(files, { smtpUrl: `smtp://127.0.0.1:${server.port}`, to: "ann@example.com" });
  await runInline(job, { albumId }, { id });
  await runInline(job, { albumId }, { id });
  await server.close();
  expect(server.letters).toHaveLength(1);
  expect(server.letters[0]).toContain("To: ann@example.com");
  expect(server.letters[0]).toContain(`Message-ID: <${id}@waybill-demo>`);
  expect(await readReceipt(files, id)).toMatchObject({ by: "smtp", to: "ann@example.com", albumId });
});

test("without SMTP_URL the letter is in the outbox, beside its receipt", async () => {
  const job = mailHandler(files, { smtpUrl: null, to: "ann@example.com" });
  await runInline(job, { albumId }, { id });
  expect((await readdir(files.outbox)).sort()).toEqual([`${id}.eml`, `${id}.json`]);
  expect(await readReceipt(files, id)).toMatchObject({ by: "outbox", subject: "Your album “Zürich” is ready" });
});

test("a mail server that is down fails the attempt and leaves no receipt, so that the next attempt sends", async () => {
  const server = await smtpServer();
  await server.close();
  const job = mailHandler(files, { smtpUrl: `smtp://127.0.0.1:${server.port}`, to: "ann@example.com" });
  await expect(runInline(job, { albumId }, { id })).rejects.toThrow("ECONNREFUSED");
  expect(await readReceipt(files, id)).toBeNull();
});

/** An SMTP server with as much of RFC 5321 as it takes to accept a letter. */
async function smtpServer(): Promise<{ port: number; letters: string[]; close: () => Promise<void> }> {
  const letters: string[] = [];
  const server = createServer((socket) => {
    let letter: string | null = null;
    let rest = "";
    socket.write("220 here\r\n");
    socket.on("data", (chunk) => {
      const lines = (rest + chunk.toString()).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (letter === null) {
          if (line === "DATA") letter = "";
          socket.write(line === "DATA" ? "354 go on\r\n" : line === "QUIT" ? "221 bye\r\n" : "250 ok\r\n");
        } else if (line === ".") {
          letters.push(letter);
          letter = null;
          socket.write("250 taken\r\n");
        } else letter += `${line}\n`;
      }
    });
  });
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  const { port } = server.address() as AddressInfo;
  return { port, letters, close: () => new Promise((settle) => void server.close(() => settle())) };
}
