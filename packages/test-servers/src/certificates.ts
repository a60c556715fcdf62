import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRoot, makeDataFolder } from "./process/data-folder.ts";

export interface Certificates {
  /** The certificate of the authority, which no machine trusts. */
  readonly ca: string;
  /** A server's, signed by it for the host "localhost" alone: 127.0.0.1 is another name. */
  readonly cert: string;
  readonly key: string;
  remove(): void;
}

/** An authority of the test's own and a certificate for a server, whose key `user` alone may read. */
export function makeCertificates(user: string): Certificates {
  const folder = makeDataFolder("tls", user);
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const fresh = ["-newkey", "rsa:2048", "-nodes"];
  openssl("req", "-x509", ...fresh, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=waybill tests");
  openssl("req", ...fresh, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
  writeFileSync(at("names"), "subjectAltName=DNS:localhost\n");
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"];
  openssl("x509", "-req", "-in", "server.csr", ...signed, "-out", "server.crt");
  if (isRoot()) execFileSync("chown", [user, at("server.key"), at("server.crt")]);
  execFileSync("chmod", ["600", at("server.key")]);
  return {
    ca: at("ca.pem"),
    cert: at("server.crt"),
    key: at("server.key"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
