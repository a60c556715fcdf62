/** Stops this process when its launcher ends, even by SIGKILL. Does nothing if it was started without a launcher. */
export function exitWithParent(): void {
  if (process.channel === undefined) return;
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
  process.channel.unref();
}
