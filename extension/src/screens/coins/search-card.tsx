// How far the search for coins is, and what it found. It runs in the worker: this card can come and go.
import { snapshot } from '../../ui/client.ts';
import { Money } from '../../ui/money.tsx';
import { Live, Problem } from '../../ui/parts.tsx';
import { plural, t, tx } from '../../ui/t.ts';
import type { SearchView } from '../../view.ts';

/** The first half of the way looks through keys, the second asks after what was found there. */
function percentOf({ progress }: SearchView): number {
  if (!progress) return 0;
  const { keysets, of, found, checked } = progress;
  const looked = of > 0 ? keysets / of : 0;
  const asked = found > 0 ? Math.min(1, checked / found) : 0;
  return Math.round(50 * looked + 50 * asked);
}

export function SearchCard({ search }: { search: SearchView }) {
  if (search.state === 'failed') return search.code === undefined ? null : <Problem code={search.code} />;
  return (
    <section class="card stack">
      {search.state === 'running' ? <Running search={search} /> : <Found search={search} />}
    </section>
  );
}

function Running({ search }: { search: SearchView }) {
  const { progress } = search;
  return (
    <>
      <label class="stack close">
        <b>{t('searching')}</b>
        <progress max={100} value={percentOf(search)} />
      </label>
      {progress && (
        <p class="muted s">
          {tx('search_progress', {
            keys: progress.keysets.toLocaleString(),
            of: progress.of.toLocaleString(),
            coins: plural('coins_found', progress.found),
          })}
        </p>
      )}
      <p class="muted s">{t('moving_text')}</p>
    </>
  );
}

function Found({ search: { found } }: { search: SearchView }) {
  const currency = snapshot.value.balance?.currency ?? 'usd-micro';
  if (!found) return null;
  const { coins, coinsMicro, spent, lostMicro, accountMicro } = found;
  return (
    <>
      <p class="ok">✓ {t('search_done')}</p>
      <dl class="kv s">
        <dt>{t('coins')}</dt>
        <dd>
          <Money amount={coinsMicro} currency={currency} /> · {plural('pieces', coins)}
        </dd>
        {accountMicro !== undefined && (
          <>
            <dt>{t('at_broker')}</dt>
            <dd>
              <Money amount={accountMicro} currency={currency} />
            </dd>
          </>
        )}
        <dt>{t('search_spent')}</dt>
        <dd>{plural('pieces', spent)}</dd>
      </dl>
      {lostMicro > 0n && (
        <p class="banner">{tx('search_lost', { amount: <Money amount={lostMicro} currency={currency} /> })}</p>
      )}
      <Live>{t('search_done')}</Live>
    </>
  );
}
