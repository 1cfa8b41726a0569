// Gifts that were given: which were taken, and which can still be taken back.
import type { GiftInfo } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { send, snapshot } from '../../ui/client.ts';
import { ago } from '../../ui/dates.ts';
import { Money } from '../../ui/money.tsx';
import { BackLink, Button, Chip, Title, useLoad } from '../../ui/parts.tsx';
import { go, link } from '../../ui/router.ts';
import { t } from '../../ui/t.ts';
import { GIFT_STATES } from './gift.tsx';

export function Gifts() {
  const [gifts, setGifts] = useState<readonly GiftInfo[]>();
  useLoad(async () => setGifts(await send('gifts', { refresh: false })), [snapshot.value]);
  useLoad(async () => setGifts(await send('gifts', { refresh: true })), []);
  return (
    <>
      <BackLink href={link('coins')} />
      <Title>{t('gifts')}</Title>
      {gifts?.length === 0 && (
        <section class="card stack">
          <p class="muted">{t('gifts_empty')}</p>
          <Button kind="primary" onPress={() => go('give')}>
            {t('give_title')}
          </Button>
        </section>
      )}
      {gifts !== undefined && gifts.length > 0 && (
        <ul class="list card">
          {gifts.map((gift) => (
            <Line key={gift.id} gift={gift} />
          ))}
        </ul>
      )}
    </>
  );
}

function Line({ gift: { id, amountMicro, currency, memo, atMs, state } }: { gift: GiftInfo }) {
  const { key, tone } = GIFT_STATES[state];
  return (
    <li>
      <a class="line" href={link('gift', id)}>
        <span class="grow">
          <b class="block ell" dir="auto">
            {memo?.startsWith('pocket ') ? t('pocket') : (memo ?? t('gift'))}
          </b>
          <span class="muted s block">{ago(atMs, Date.now())}</span>
        </span>
        <span class="side">
          <b>
            <Money amount={amountMicro} currency={currency} />
          </b>
          <Chip tone={tone}>{t(key)}</Chip>
        </span>
      </a>
    </li>
  );
}
