/** Makes a child process stop by itself when its launcher is gone, even by SIGKILL. Does nothing without one. */
export function exitWithParent(): void {
  if (process.channel === undefined) return;
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
  process.channel.unref();
}
