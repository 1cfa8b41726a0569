// What goods of a site are called here, and where they go.
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { SealedOffer } from '@farthing/protocol';
import { UsageError } from './command.ts';

/** A name that a site chose is a file here, never a path; what is there is never written over. @throws {UsageError} */
export function targetOf(wanted: string | undefined, { item }: Pick<SealedOffer, 'item'>): string {
  const plain = basename(item)
    .replace(/[^\p{L}\p{N}. _-]/gu, '_')
    .replace(/^\.+/, '');
  const file = resolve(wanted ?? (plain === '' ? 'goods' : plain));
  if (existsSync(file)) throw new UsageError(`${file} exists; -o FILE chooses another place`);
  return file;
}
