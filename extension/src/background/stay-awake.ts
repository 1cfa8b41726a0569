// A worker without events is stopped after half a minute. While there is work that nobody may interrupt there is always one;
// and if the worker is stopped all the same, an alarm wakes the next.
import { browser } from '../browser.ts';

export const AWAKE_ALARM = 'awake';
const BEAT_MS = 20_000;
const ALARM_MINUTES = 0.5;
const work = new Map<string, number>();
let beat: ReturnType<typeof setInterval> | undefined;

/** @param running how many of `what` run now */
export function stayAwake(what: 'streams' | 'search', running: number): void {
  work.set(what, running);
  const busy = [...work.values()].some((count) => count > 0);
  if (busy === (beat !== undefined)) return;
  if (busy) {
    // Asking the browser anything counts as an event.
    beat = setInterval(() => void browser.runtime.getPlatformInfo(), BEAT_MS);
    void browser.alarms.create(AWAKE_ALARM, { periodInMinutes: ALARM_MINUTES });
    return;
  }
  clearInterval(beat);
  beat = undefined;
  void browser.alarms.clear(AWAKE_ALARM);
}
