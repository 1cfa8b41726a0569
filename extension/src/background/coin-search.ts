// Looking for the coins of the wallet's words at its broker. It takes a while, so pages read from the snapshot how far it is;
// a search whose worker died begins again with the next one.
import type { FoundCoins, RestoreProgress, Wallet } from '@farthing/wallet';
import type { SearchView } from '../view.ts';
import { problemOf, wallet } from './engine.ts';
import { turns } from './one-at-a-time.ts';
import { SessionMap } from './session.ts';
import { stayAwake } from './stay-awake.ts';

const searches = new SessionMap<SearchView>('search', 1);
const listeners = new Set<() => void>();
export const searchReady = searches.ready;
export const newestSearch = (): SearchView | undefined => searches.get('newest');
export const onSearch = (listener: () => void) => void listeners.add(listener);

function tell(view: SearchView): void {
  searches.set('newest', view);
  for (const listener of listeners) listener();
}

type Look<Found> = (engine: Wallet, onProgress: (progress: RestoreProgress) => void) => Promise<Found>;
const inTurn = turns();

/** One at a time. @throws {PaymentProblem} why it stopped, which the snapshot says as well */
export function search<Found extends FoundCoins>(kind: SearchView['kind'], look: Look<Found>): Promise<Found> {
  return inTurn(() => run(kind, look));
}

async function run<Found extends FoundCoins>(kind: SearchView['kind'], look: Look<Found>): Promise<Found> {
  stayAwake('search', 1);
  tell({ kind, state: 'running' });
  try {
    const found = await look(await wallet, (progress) => tell({ kind, state: 'running', progress: { ...progress } }));
    tell({ kind, state: 'done', found });
    return found;
  } catch (error) {
    tell({ kind, state: 'failed', code: problemOf(error).code });
    throw error;
  } finally {
    stayAwake('search', 0);
  }
}

/** The last worker died while it looked. Nothing was written but that it looks: it begins again. */
export async function takeUpSearch(): Promise<void> {
  const left = newestSearch();
  if (left?.state !== 'running') return;
  // The words are in the wallet by now, or nothing is and the person types them again.
  if ((await wallet).accountId() === undefined) return tell({ kind: left.kind, state: 'failed', code: 'no-account' });
  await search(left.kind, (engine, onProgress) => engine.coins.check({ onProgress }));
}
