// Private coins: how many there are, what is on its way, and everything that can be done with them.
import type { CoinsInfo } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import type { CoinsView } from '../../coin-messages.ts';
import { send, snapshot } from '../../ui/client.ts';
import { Icon } from '../../ui/icons.tsx';
import { Money } from '../../ui/money.tsx';
import { BackLink, Button, Title, useLoad } from '../../ui/parts.tsx';
import { go, link } from '../../ui/router.ts';
import { type Key, plural, t } from '../../ui/t.ts';
import { Moving } from './moving.tsx';
import { PocketCard } from './pocket.tsx';

const MORE: readonly (readonly [string, Key, Key])[] = [
  ['gifts', 'gifts', 'gifts_text'],
  ['requests', 'requests', 'requests_text'],
  ['deposit', 'deposit', 'deposit_entry'],
  ['phrase', 'phrase', 'phrase_text'],
];

export function Coins() {
  const [view, setView] = useState<CoinsView>();
  const { balance } = snapshot.value;
  useLoad(async () => setView(await send('coins', {})), [snapshot.value]);
  const cashMicro = (balance?.brokers ?? []).reduce((sum, broker) => sum + broker.cashMicro, 0n);
  return (
    <>
      <BackLink href={link('more')} />
      <Title>{t('coins')}</Title>
      <section class="card stack">
        {balance && <Money amount={cashMicro} currency={balance.currency} big />}
        <p class="muted s">{t('coins_text')}</p>
        <Button kind="primary" onPress={() => go('withdraw')}>
          {t('withdraw')}
        </Button>
        <div class="row wrap">
          <Button wide onPress={() => go('give')}>
            {t('give')}
          </Button>
          <Button wide onPress={() => go('receive')}>
            {t('receive')}
          </Button>
        </div>
      </section>
      {view && <Moving records={view.moving} />}
      <PocketCard />
      <ul class="list card">
        {MORE.map(([to, title, text]) => (
          <li key={to}>
            <a class="line" href={link(to)}>
              <span class="grow">
                <b class="block">{t(title)}</b>
                <span class="muted s block">{t(text)}</span>
              </span>
              <Icon name="next" flips />
            </a>
          </li>
        ))}
      </ul>
      {view?.coins.map((info) => info.byValue.length > 0 && <ByValue key={info.brk} info={info} />)}
    </>
  );
}

function ByValue({ info: { byValue, currency, listHash } }: { info: CoinsInfo }) {
  return (
    <details class="card s">
      <summary>{t('coins_by_value')}</summary>
      <dl class="kv">
        {byValue.map(({ valueMicro, count }) => (
          <>
            <dt>
              <Money amount={valueMicro} currency={currency} />
            </dt>
            <dd>{plural('pieces', count)}</dd>
          </>
        ))}
      </dl>
      {listHash !== undefined && (
        <p class="muted xs">
          {t('key_list')} <code class="break">{listHash}</code>
        </p>
      )}
    </details>
  );
}
