// The gate: a key that says which store this is. The script refuses when it is not the one that this process began with, because
// then the memory of what was spent is gone: the database was flushed, or an empty replica took over.
import { randomUUID } from 'node:crypto';
import { textOf } from './lines.ts';
import type { Link } from './link.ts';

/** How rows lie in the database. */
const FORMAT = 1;

/** Makes it when there is none. @throws {Error} another version of this program made it */
export async function gateOf(link: Link, tag: string): Promise<string> {
  const key = `${tag}gate`;
  await link.send(['SET', key, `${FORMAT} ${randomUUID()}`, 'NX']);
  const [gate] = await link.send(['GET', key]);
  const format = Number.parseInt(textOf(gate), 10);
  if (format !== FORMAT) {
    throw new Error(`the rows of ${tag} are of format ${format}, this version of Farthing knows ${FORMAT}`);
  }
  return textOf(gate);
}
