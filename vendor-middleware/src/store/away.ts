/**
 * A store could not be asked, or did not answer: what was asked for may have been written all the same. The site is closed meanwhile, and
 * who asks for the same again finds out.
 */
export class StoreAway extends Error {
  override name = 'StoreAway';

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : 'the store is away', { cause });
  }
}
