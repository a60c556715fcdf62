import { onTestFinished, vi } from "vitest";

/** All that this process writes while the test runs. */
export function everythingWritten(): string[] {
  const written: string[] = [];
  const keep = (text: unknown): boolean => {
    written.push(String(text));
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation((text, ...more) => {
      const done = more.at(-1);
      if (typeof done === "function") done();
      return keep(text);
    }),
    vi.spyOn(process.stderr, "write").mockImplementation(keep),
    vi.spyOn(process, "emitWarning").mockImplementation((warning) => void keep(warning)),
  ];
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
  return written;
}
