/** What the event loop of this process did between two turns, at the worst. */
export interface LoopWatch {
  /** Ends the watch. Returns the longest stretch in ms of CPU time, which a busy machine does not stretch as it does the clock. */
  end(): number;
}

const BEAT_MS = 2;

/** Watches for work that keeps timers and sockets of the process waiting. */
export function watchLoop(): LoopWatch {
  let longest = 0;
  let last = cpuMs();
  const beat = (): void => {
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(beat, BEAT_MS);
  return {
    end() {
      beat();
      clearInterval(timer);
      return longest;
    },
  };
}

/** Of this thread; of all of the process where Node cannot tell them apart (before 22.19). */
const cpuUsage = (process.threadCpuUsage ?? process.cpuUsage).bind(process);

function cpuMs(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1_000;
}
