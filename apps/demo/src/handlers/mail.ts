import { access, readFile } from "node:fs/promises";
import { createTransport, type SendMailOptions } from "nodemailer";
import { absent, type Album, type DemoFiles, readAlbum } from "../album.ts";
import { writeDurably } from "../durable-file.ts";
import type { Receipt } from "../receipt.ts";

export interface Mailbox {
  /** Null: letters are written to the outbox folder. */
  readonly smtpUrl: string | null;
  readonly to: string;
}

/**
 * Sends the album's mail, unless its receipt exists. If the process is killed after the server accepted the mail and
 * before the receipt was written, the next attempt sends the mail again, with the same Message-ID.
 */
export async function sendMail(files: DemoFiles, mailbox: Mailbox, albumId: string, id: string): Promise<void> {
  if (await exists(files.receipt(id))) return;
  const album = await readAlbum(files, albumId);
  if (album === null) throw new Error(`album ${albumId} has no album.json: set the same DEMO_DATA for every process`);
  const letter = await write(files, album, mailbox.to, id);
  if (mailbox.smtpUrl === null) await writeDurably(files.temporary, files.letter(id), await render(letter));
  else await send(mailbox.smtpUrl, letter);
  const receipt: Receipt = {
    id,
    albumId,
    to: mailbox.to,
    subject: String(letter.subject),
    text: String(letter.text),
    sentAt: Date.now(),
    by: mailbox.smtpUrl === null ? "outbox" : "smtp",
  };
  await writeDurably(files.temporary, files.receipt(id), JSON.stringify(receipt));
}

async function write(files: DemoFiles, album: Album, to: string, id: string): Promise<SendMailOptions> {
  const count = album.photos.length === 1 ? "1 photo" : `${album.photos.length} photos`;
  const text = `Hello,\n\n“${album.title}” is ready: ${count}, each in three sizes.\nThe contact sheet is attached.\n\nYour waybill demo\n`;
  const content = await readFile(files.contactSheet(album.id));
  return {
    from: "waybill demo <demo@localhost>",
    to,
    subject: `Your album “${album.title}” is ready`,
    text,
    messageId: `<${id}@waybill-demo>`,
    date: new Date(album.sealedAt),
    attachments: [{ filename: "contact-sheet.jpg", content, contentType: "image/jpeg" }],
  };
}

async function render(letter: SendMailOptions): Promise<Buffer> {
  const { message } = await createTransport({ streamTransport: true, buffer: true }).sendMail(letter);
  return Buffer.isBuffer(message)
    ? message
    : Promise.reject(new Error("nodemailer returned a stream instead of a buffer"));
}

async function send(url: string, letter: SendMailOptions): Promise<void> {
  const server = createTransport(url);
  try {
    await server.sendMail(letter);
  } finally {
    server.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return (await access(path).catch(absent)) !== null;
}
