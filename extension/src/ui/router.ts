// Routes after the `#`, and focus on the new screen's heading, so that people who do not see the change hear it.
import { signal } from '@preact/signals';

const read = () => location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);

/** `['site', 'https://news.example']`; the first part names the screen. */
export const route = signal<readonly string[]>(read());

export const link = (...parts: string[]) => `#/${parts.map(encodeURIComponent).join('/')}`;
export const go = (...parts: string[]) => {
  location.hash = link(...parts);
};

addEventListener('hashchange', () => {
  route.value = read();
  requestAnimationFrame(() => document.querySelector<HTMLElement>('h1')?.focus());
});
