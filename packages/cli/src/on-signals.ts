/** Resolves `asked` on the first signal; further signals call the listener, which forces the end. */
export function onSignals(): { readonly asked: Promise<void>; onMore(listener: () => void): void } {
  let more = (): void => undefined;
  let first = true;
  const asked = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (first) resolve();
        else more();
        first = false;
      });
    }
  });
  return { asked, onMore: (listener) => void (more = listener) };
}
