// Times for people: relative within a day, else date and time in their zone.
import { localeTag } from './t.ts';

const cache = new Map<string, Intl.DateTimeFormat>();
const relative = new Map<string, Intl.RelativeTimeFormat>();

function format(options: Intl.DateTimeFormatOptions, atMs: number): string {
  const key = `${localeTag()} ${JSON.stringify(options)}`;
  const known = cache.get(key) ?? new Intl.DateTimeFormat(localeTag(), options);
  cache.set(key, known);
  return known.format(atMs);
}

export const clock = (atMs: number) => format({ timeStyle: 'short' }, atMs);
export const day = (atMs: number) => format({ dateStyle: 'medium' }, atMs);
export const full = (atMs: number) => format({ dateStyle: 'medium', timeStyle: 'long' }, atMs);

export function ago(atMs: number, nowMs: number): string {
  const seconds = Math.round((atMs - nowMs) / 1000);
  const known =
    relative.get(localeTag()) ?? new Intl.RelativeTimeFormat(localeTag(), { style: 'short', numeric: 'auto' });
  relative.set(localeTag(), known);
  if (seconds > -60) return known.format(seconds, 'second');
  if (seconds > -3600) return known.format(Math.round(seconds / 60), 'minute');
  if (seconds > -86_400) return known.format(Math.round(seconds / 3600), 'hour');
  return `${day(atMs)}, ${clock(atMs)}`;
}

/** `4:51` until then, never below zero. */
export function countdown(untilMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((untilMs - nowMs) / 1000));
  const number = (n: number, digits: number) =>
    n.toLocaleString(localeTag(), { minimumIntegerDigits: digits, useGrouping: false });
  return `${number(Math.floor(seconds / 60), 1)}:${number(seconds % 60, 2)}`;
}

/** Two times on one calendar day of the person's zone. */
export const sameDay = (aMs: number, bMs: number) => new Date(aMs).toDateString() === new Date(bMs).toDateString();
