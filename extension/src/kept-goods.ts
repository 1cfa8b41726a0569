// Ciphertexts that were fetched whole and compared, by their digest, until they are opened: a page that is closed on the way need
// not fetch them again, and the worker can show one to the broker.

const SHELF = 'sealed-goods';
/** A name in the shelf, never asked of any network. */
const nameOf = (ct: string) => `https://goods.invalid/${ct}`;

export async function keep(ct: string, sealed: Blob): Promise<void> {
  const shelf = await caches.open(SHELF);
  await shelf.put(nameOf(ct), new Response(sealed));
}

export async function kept(ct: string): Promise<Blob | undefined> {
  const shelf = await caches.open(SHELF);
  return (await shelf.match(nameOf(ct)))?.blob();
}

export async function forget(ct: string): Promise<void> {
  const shelf = await caches.open(SHELF);
  await shelf.delete(nameOf(ct));
}
