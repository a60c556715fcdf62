/** Changes that this process has made itself, so that its workers need not wait for their next read. */
export interface LocalChanges {
  /** Reports a change. */
  changed(): void;
  /** Calls the listener after each change. Returns the function that unsubscribes it. */
  onChange(listener: () => void): () => void;
}

export function createLocalChanges(): LocalChanges {
  const listeners = new Set<() => void>();
  return {
    changed() {
      for (const listener of listeners) listener();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
