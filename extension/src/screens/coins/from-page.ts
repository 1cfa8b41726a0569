// A gift or a request that somebody sent as a link: the page below the popup has its text behind the `#`, which no server saw.
import { currentPage } from '../this-page/page.ts';

const PREFIXES = { gift: 'farthing-gift:', request: 'farthing-request:' } as const;
export type Sent = keyof typeof PREFIXES;

export function sentBy(url: string | undefined): Sent | undefined {
  const [, fragment = ''] = url?.split('#', 2) ?? [];
  if (fragment.startsWith(PREFIXES.gift)) return 'gift';
  return fragment.startsWith(PREFIXES.request) ? 'request' : undefined;
}

export async function textOfPage(what: Sent): Promise<string | undefined> {
  const { url } = await currentPage();
  return sentBy(url) === what ? url?.split('#', 2)[1] : undefined;
}
