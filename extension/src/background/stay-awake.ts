// A worker without events is stopped after half a minute. While a stream is paid there is always one; and if the worker
// is stopped all the same, an alarm wakes the next.
import { browser } from '../browser.ts';

export const STREAM_ALARM = 'streams';
const BEAT_MS = 20_000;
const ALARM_MINUTES = 0.5;
let beat: ReturnType<typeof setInterval> | undefined;

/** @param running how many streams are paid now */
export function stayAwake(running: number): void {
  if (running > 0 === (beat !== undefined)) return;
  if (running > 0) {
    // Asking the browser anything counts as an event.
    beat = setInterval(() => void browser.runtime.getPlatformInfo(), BEAT_MS);
    void browser.alarms.create(STREAM_ALARM, { periodInMinutes: ALARM_MINUTES });
    return;
  }
  clearInterval(beat);
  beat = undefined;
  void browser.alarms.clear(STREAM_ALARM);
}
