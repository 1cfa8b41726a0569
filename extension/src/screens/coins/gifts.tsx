// Gifts that were given: which were taken, and which can still be taken back.
import type { GiftInfo } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { send, snapshot } from '../../ui/client.ts';
import { BackLink, Button, Title, useLoad } from '../../ui/parts.tsx';
import { go, link } from '../../ui/router.ts';
import { t } from '../../ui/t.ts';
import { Entry } from './entry.tsx';
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

function Line({ gift: { id, memo, state, ...sums } }: { gift: GiftInfo }) {
  const title = memo?.startsWith('pocket ') ? t('pocket') : (memo ?? t('gift'));
  return <Entry href={link('gift', id)} title={title} standing={GIFT_STATES[state]} {...sums} />;
}
