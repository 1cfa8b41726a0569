// Text that a site shows through a wallet: no control or direction characters, and not endless.
import { limits } from '@farthing/protocol';

/** At most `limits.descriptionChars` characters of well-formed text, or `undefined` for nothing. */
export function cleanText(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value
    .slice(0, 4096)
    .toWellFormed()
    // Zero-width joiners stay: Persian words and family emoji need them.
    .replace(/(?:(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Z}])+/gu, ' ')
    .trim();
  return text === '' ? undefined : [...text].slice(0, limits.descriptionChars).join('');
}
