// Ciphertexts as far as they were fetched, by their digest, until they are opened: a page that is closed on the way goes on from
// there, and the worker can show a whole one to the broker. They lie in parts, each under the place where it begins.

const SHELF = 'sealed-goods';
/** Whoever begins more than these has given the oldest up. */
const MOST_GOODS = 4;
/** What is larger is not kept: it is fetched in one go, or again. */
const MOST_BYTES = 4_294_967_296;

type Part = { readonly ct: string; readonly at: number; readonly bytes: number };

/** Names in the shelf, never asked of any network. */
const nameOf = ({ ct, at, bytes }: Part) => `https://goods.invalid/${ct}/${at}/${bytes}`;
function partAt({ url }: Request): Part {
  const [, ct = '', at, bytes] = new URL(url).pathname.split('/');
  return { ct, at: Number(at), bytes: Number(bytes) };
}

const opened = () => caches.open(SHELF);
const partsIn = async (shelf: Cache): Promise<Part[]> => (await shelf.keys()).map(partAt);

/** `at`: where the part begins. @throws {DOMException} the disk is full */
export async function keepPart(ct: string, at: number, part: Blob): Promise<void> {
  if (at + part.size > MOST_BYTES) return;
  const shelf = await opened();
  if (at === 0) await makeRoom(shelf, ct);
  await shelf.put(nameOf({ ct, at, bytes: part.size }), new Response(part));
}

/** From the first byte to the last one that is here without a gap. */
export async function kept(ct: string): Promise<Blob> {
  const shelf = await opened();
  const names = withoutGap(await partsIn(shelf), ct).map(nameOf);
  return new Blob(await Promise.all(names.map(async (name) => (await shelf.match(name))?.blob() ?? new Blob())));
}

/** How much `kept` would have. */
export async function keptBytes(ct: string): Promise<number> {
  return withoutGap(await partsIn(await opened()), ct).reduce((sum, { bytes }) => sum + bytes, 0);
}

function withoutGap(parts: readonly Part[], ct: string): Part[] {
  const chosen: Part[] = [];
  let have = 0;
  for (const part of parts.filter((one) => one.ct === ct).toSorted((a, b) => a.at - b.at)) {
    if (part.at !== have) continue;
    chosen.push(part);
    have += part.bytes;
  }
  return chosen;
}

export async function forget(ct: string): Promise<void> {
  const shelf = await opened();
  for (const part of await partsIn(shelf)) if (part.ct === ct) await shelf.delete(nameOf(part));
}

/** The shelf lists in the order in which it was filled. */
async function makeRoom(shelf: Cache, ct: string): Promise<void> {
  const begun = new Set((await partsIn(shelf)).map((part) => part.ct));
  begun.delete(ct);
  for (const old of [...begun].slice(0, Math.max(0, begun.size - MOST_GOODS + 1))) await forget(old);
}
