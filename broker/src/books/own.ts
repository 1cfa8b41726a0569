// Whose books are these? A broker with other keys would go on in them, and sign for what another one owes.
import { type Crypto, isObject, parseJson, verifyObject } from '@farthing/protocol';
import type { Place } from './open.ts';
import { openReader } from './reader.ts';

/** What the root key has signed: the newest of each kind. */
const SIGNED = [
  'SELECT answer AS signed FROM stored_order ORDER BY n DESC LIMIT 1',
  'SELECT doc AS signed FROM opening ORDER BY n DESC LIMIT 1',
  'SELECT doc AS signed FROM key_list ORDER BY vnd, no DESC LIMIT 1',
];

/** @param root of the broker that is to write in the books, h32. @throws {Error} another broker wrote in them */
export async function needOwn(place: Place, root: string, crypto: Crypto): Promise<void> {
  await using reader = await openReader(place);
  for (const sql of SIGNED) {
    const [row] = await reader.read(sql);
    if (row && !isSignedBy(root, String(row['signed']), crypto)) {
      throw new Error(
        'the ledger is of another broker: its answers are signed with other keys than those of keys.json. Restore the keys.json that belongs to it, or give an empty ledger',
      );
    }
  }
}

function isSignedBy(root: string, text: string, crypto: Crypto): boolean {
  const object = parseJson(text);
  if (!isObject(object)) return false;
  const { typ, sig } = object;
  return typeof typ === 'string' && typeof sig === 'string' && verifyObject({ ...object, typ }, root, sig, crypto);
}
