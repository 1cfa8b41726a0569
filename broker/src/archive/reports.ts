// What reports read when a part of the books is archived: the books where they lie, as far as they reach back, or all of them with
// the archives. A report with a part missing is an error, never a shorter report.
import { dirname } from 'node:path';
import { nativeCrypto } from '@farthing/node-kit';
import type { Place } from '../books/open.ts';
import { type BookReader, openReader, type Read } from '../books/reader.ts';
import type { Keys } from '../keys.ts';
import { readOpening } from './record.ts';
import { wholeOf } from './restore.ts';

/** `check`: nothing that was asked for was archived while it was read. */
export type SinceReader = BookReader & { check(): Promise<void> };

type Since = { readonly keys: Keys; readonly folder: string | undefined; readonly sinceMs: number };

/** @throws {Error} naming the files that it would need */
export async function readSince(place: Place, { keys, folder, sinceMs }: Since): Promise<SinceReader> {
  if (folder !== undefined) return readWhole(place, { keys, folder });
  const reader = await openReader(place);
  const check = () => needSince(reader.read, { place, keys, sinceMs });
  try {
    await check();
    return { ...reader, check };
  } catch (error) {
    await reader[Symbol.asyncDispose]();
    throw error;
  }
}

async function readWhole(place: Place, about: { keys: Keys; folder: string }): Promise<SinceReader> {
  const whole = await wholeOf(place, about);
  const reader = await openReader({ data: dirname(whole.path) });
  return {
    read: reader.read,
    check: async () => undefined,
    async [Symbol.asyncDispose]() {
      await reader[Symbol.asyncDispose]();
      await whole[Symbol.asyncDispose]();
    },
  };
}

async function needSince(
  read: Read,
  { place, keys, sinceMs }: { place: Place; keys: Keys; sinceMs: number },
): Promise<void> {
  const isOlder =
    place.database === undefined && (await read("SELECT 1 FROM sqlite_schema WHERE name = 'opening'")).length === 0;
  const rows = isOlder ? [] : await read('SELECT doc FROM opening WHERE until_ms > ? ORDER BY n', BigInt(sinceMs));
  if (rows.length === 0) return;
  const names = rows.map(
    ({ doc }) => readOpening(String(doc), keys, nativeCrypto)?.file.name ?? 'a file nobody signed',
  );
  throw new Error(
    `a part of that is archived in ${names.join(', ')}: give the folder with --archive, or a later --since`,
  );
}
