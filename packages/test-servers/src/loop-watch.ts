/** Measures the longest time that the event loop of this process was busy. */
export interface LoopWatch {
  /** Ends the watch. Returns the longest busy time in milliseconds of CPU time, which does not grow on a busy machine. */
  end(): number;
}

const BEAT_MS = 2;

/** Starts to watch for work that blocks the timers and sockets of this process. */
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
