/** Returns a text that every store accepts, of at most `most` characters; "…" ends one that was longer. */
export function cut(text: string, most: number): string {
  const short = text.length > most ? `${text.slice(0, most - 1)}…` : text;
  return (short.includes("\0") ? short.replaceAll("\0", "\uFFFD") : short).toWellFormed();
}
