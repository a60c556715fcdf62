import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRoot, makeDataFolder } from "./process/data-folder.ts";

/** A certificate and its key, by their paths. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates extends Certificate {
  /** The certificate of the authority, which no machine trusts. */
  readonly ca: string;
  /** A server's, signed by it for the host "localhost" alone: 127.0.0.1 is another name. */
  readonly cert: string;
  readonly key: string;
  /** The same, and it ended a day ago. */
  readonly expired: Certificate;
  /** A client's, for the user "waybill". */
  readonly client: Certificate;
  /** A client's for the user "waybill", by an authority that no server trusts. */
  readonly stranger: Certificate;
  remove(): void;
}

/** How a server uses TLS, by paths. */
export interface ServerTls extends Certificate {
  readonly ca: string;
  /** Whether a client must have a certificate of `ca`. Default false. */
  readonly asksClients?: boolean;
}

/** An authority of the test's own and certificates by it. `user` alone may read the keys of servers. */
export function makeCertificates(user: string): Certificates {
  const folder = makeDataFolder("tls", user);
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  for (const name of ["ca", "other"]) {
    const subject = ["-days", "2", "-subj", `/CN=waybill tests ${name}`];
    openssl("req", "-x509", ...fresh, "-keyout", `${name}.key`, "-out", `${name}.pem`, ...subject);
  }
  writeFileSync(at("names"), "subjectAltName=DNS:localhost\n");
  function sign(name: string, host: string, days: number, authority = "ca"): Certificate {
    openssl("req", ...fresh, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${host}`);
    const by = ["-CA", `${authority}.pem`, "-CAkey", `${authority}.key`, "-CAcreateserial", "-days", `${days}`];
    const names = host === "localhost" ? ["-extfile", "names"] : [];
    openssl("x509", "-req", "-in", `${name}.csr`, ...by, ...names, "-out", `${name}.crt`);
    const files = { cert: at(`${name}.crt`), key: at(`${name}.key`) };
    execFileSync("chmod", ["600", files.key]);
    if (isRoot()) execFileSync("chown", [user, files.cert, files.key]);
    return files;
  }
  return {
    ca: at("ca.pem"),
    ...sign("server", "localhost", 2),
    expired: sign("expired", "localhost", -1),
    client: sign("client", "waybill", 2),
    stranger: sign("stranger", "waybill", 2, "other"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
