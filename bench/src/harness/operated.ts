// Runs the broker's command, and tells at the end, on the fourth pipe, what it took.
import { existsSync, readFileSync, writeSync } from 'node:fs';

const TELL = 3;
const STATUS = '/proc/self/status';

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  // The system counts for a process what its parent had, too, until it became this program: Linux says it for this one.
  const own = existsSync(STATUS) ? /VmHWM:\s+(\d+) kB/.exec(readFileSync(STATUS, 'utf8'))?.[1] : undefined;
  const peakBytes = Number(own ?? maxRSS) * 1024;
  writeSync(TELL, JSON.stringify({ cpuMicros: userCPUTime + systemCPUTime, peakBytes }));
});

await import(new URL('../../../broker/src/main.ts', import.meta.url).href);
