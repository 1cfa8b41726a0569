// A server of a store that cannot be reached: when the site starts, and while it runs.
import { SetupError } from '../setup-error.ts';

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

/** Errors of connections: those of the system name their call, those of clients say it in their names or words. */
const OF_THE_NET = /socket|timeout|connection terminated/i;
const isOfTheNet = (error: Error): boolean =>
  'syscall' in error || OF_THE_NET.test(`${error.constructor.name} ${error.message}`);

/**
 * What a site is told that starts without its store.
 * @param server its name and its URLs, of which hosts and ports are told and nothing else
 * @returns `store-unreachable` with what to look at; anything but an error of the connection as it is
 */
export function atStart(error: unknown, server: { readonly name: string; readonly urls: readonly string[] }): unknown {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error) || !isOfTheNet(cause)) return error;
  const hosts = server.urls.map((url) => (URL.canParse(url) ? new URL(url).host : 'an address that is no URL'));
  return new SetupError(
    'store-unreachable',
    `no answer from ${server.name} at ${hosts.join(', ')} (${cause.message}). Is it running there, and does it take connections from this machine?`,
    { cause },
  );
}
