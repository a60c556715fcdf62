/** An encoded URL within a parameter, as `listen` of `postgres:` may hold one. */
const NESTED = /([?&][^=&]+=[a-z][a-z0-9+.-]*%3A%2F%2F)[^&]*%40/gi;

/**
 * A URL fit for logs and errors: user and password are replaced. Passwords are often written with their `/`, `#` or `@`
 * unescaped, and then no parser agrees where they end; so all up to the last `@` goes, at the price of a host's name
 * when a path or parameter has one too. A file has neither user nor password, unless somebody takes it for a server.
 */
export function maskUrl(url: string): string {
  if (/^sqlite:(?!\/\/[^/])/i.test(url)) return url;
  return url
    .replace(/^([a-z][a-z0-9+.-]*:\/*).*@/is, "$1***@")
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^:/?#[@]*:)(?!\d*(?:[/?#,]|$))[^@]*$/i, "$1***")
    .replace(NESTED, "$1***%40")
    .replace(/([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*/gi, "$1***");
}
