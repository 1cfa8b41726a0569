// Routes after the `#`, and focus on the new screen's heading, so that people who do not see the change hear it.
import { signal } from '@preact/signals';

const read = () => location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);

/** `['site', 'https://news.example']`; the first part names the screen. */
export const route = signal<readonly string[]>(read());

export const link = (...parts: string[]) => `#/${parts.map(encodeURIComponent).join('/')}`;
export const go = (...parts: string[]) => {
  location.hash = link(...parts);
};

const listeners = new Set<(hash: string) => void>();
/** Calls `listener` with the address of the screen that is shown, now and after each move. */
export function onMove(listener: (hash: string) => void): void {
  listeners.add(listener);
  route.value = read();
  listener(location.hash);
}

addEventListener('hashchange', () => {
  route.value = read();
  for (const listener of listeners) listener(location.hash);
  requestAnimationFrame(() => document.querySelector<HTMLElement>('h1')?.focus());
});
