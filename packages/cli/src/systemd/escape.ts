import { UsageError } from "../exit.ts";

/** Characters that end a line of a unit file, or that no terminal and no log shows. */
const CONTROL = /\p{Cc}/u;

/** Writes a command line for ExecStart=. Nothing in it is expanded: neither variables nor specifiers. */
export function execStart([program = "", ...args]: readonly string[]): string {
  // A program's path takes no quotes or variables, and these characters change how it is started.
  const taken = /^[\w/.][\w/.+,=: -]*/.exec(program)?.[0] ?? "";
  if (taken !== program) {
    const character = JSON.stringify(String.fromCodePoint(program.codePointAt(taken.length) ?? 0));
    throw new UsageError(
      `--exec starts ${program}, and systemd does not take ${character} there in the path of a program; write a path without it, such as that of a link`,
    );
  }
  return [/ /.test(program) ? `"${program}"` : program, ...args.map(word)].join(" ");
}

function word(text: string): string {
  if (CONTROL.test(text))
    throw new UsageError(`an argument of --exec contains a line break or another control character`);
  const literal = text.replaceAll("%", "%%").replaceAll("$", () => "$$");
  return /^[\w/.+,=:@%$~^-]+$/.test(literal) ? literal : `"${literal.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** Writes an absolute path for a setting that takes one path. Throws `UsageError` for a path that a unit file cannot hold. */
export function path(text: string, option: string): string {
  if (!text.startsWith("/"))
    throw new UsageError(`${option} is ${text}; write an absolute path, which is what systemd takes`);
  if (CONTROL.test(text) || /[\\"'*?[\]]|\s$/.test(text)) {
    throw new UsageError(
      `${option} is ${text}; a unit file takes no quote, backslash, wildcard, line break or final space in a path`,
    );
  }
  return text.replaceAll("%", "%%");
}

/** Parses a unit name, with or without ".service". Returns it with. "mailer@" is a template of several instances. */
export function unitFileName(text: string, option: string): string {
  const other = /\.(?:timer|socket|target|mount|automount|path|slice|scope|swap|device)$/.exec(text)?.[0];
  if (other !== undefined) {
    throw new UsageError(`${option} is ${JSON.stringify(text)}, a ${other} unit; write the name of its service`);
  }
  const name = text.replace(/\.service$/, "");
  if (/^[A-Za-z0-9_][\w.:-]*@?$/.test(name) && name.length <= 200) return `${name}.service`;
  throw new UsageError(
    `${option} is ${JSON.stringify(text)}; write the name of a service: letters, digits, ".", ":", "_" and "-", and a final "@" for a template`,
  );
}

/** Parses the name of a unit of any type that comes first, such as postgresql.service or srv.mount. */
export function unitName(text: string, option: string): string {
  if (/^[A-Za-z0-9_][\w.:@\\-]*\.(service|target|mount|socket|device)$/.test(text) && text.length <= 255) return text;
  throw new UsageError(
    `${option} is ${JSON.stringify(text)}; write the name of a unit with its type: postgresql.service`,
  );
}

/** Parses a user or group by name or number. */
export function account(text: string, option: string): string {
  if (/^[a-z_][a-z0-9_-]{0,30}$/i.test(text) || /^\d{1,9}$/.test(text)) return text;
  throw new UsageError(
    `${option} is ${JSON.stringify(text)}; write a name of letters, digits, "-" and "_", or a number`,
  );
}
