// One request of ours: what goes to the other person, the words that both compare, and whether it was answered.
import type { RequestInfo } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { send, snapshot } from '../../ui/client.ts';
import { day } from '../../ui/dates.ts';
import { Money } from '../../ui/money.tsx';
import { BackLink, Button, Chip, Title, type Tone, useLoad } from '../../ui/parts.tsx';
import { go, link } from '../../ui/router.ts';
import { type Key, t, tx } from '../../ui/t.ts';
import { Hand } from './hand.tsx';

export const REQUEST_STATES = {
  open: { key: 'request_open', tone: 'warn' },
  paid: { key: 'request_paid', tone: 'ok' },
  expired: { key: 'request_expired', tone: 'plain' },
} as const satisfies Record<RequestInfo['state'], { key: Key; tone: Tone }>;

export function Request({ id }: { id: string }) {
  const [request, setRequest] = useState<RequestInfo>();
  const [missing, setMissing] = useState(false);
  useLoad(async () => {
    const found = (await send('requests', {})).find((one) => one.id === id);
    setRequest(found);
    setMissing(!found);
  }, [id, snapshot.value]);
  return (
    <>
      <BackLink href={link('requests')} />
      <Title>{t('request')}</Title>
      {missing && <p class="muted">{t('activity_none')}</p>}
      {request && <Facts request={request} />}
      {request?.state === 'open' && request.text !== undefined && request.link !== undefined && (
        <>
          <Hand text={request.text} link={request.link} label={t('request_words')} picture={t('request_picture')} />
          <Button onPress={() => go('receive')}>{t('receive_title')}</Button>
        </>
      )}
    </>
  );
}

function Facts({ request }: { request: RequestInfo }) {
  const { amountMicro, receivedMicro, currency, memo, state, words, expiresAtMs } = request;
  const { key, tone } = REQUEST_STATES[state];
  return (
    <section class="card stack">
      <div class="row between">
        <Money amount={amountMicro} currency={currency} big />
        <Chip tone={tone}>{t(key)}</Chip>
      </div>
      {memo !== undefined && (
        <p class="break">
          <bdi>“{memo}”</bdi>
        </p>
      )}
      {receivedMicro > 0n && (
        <p class="ok">✓ {tx('received', { amount: <Money amount={receivedMicro} currency={currency} /> })}</p>
      )}
      {state === 'open' && (
        <>
          {words !== undefined && <SameWords words={words} />}
          <p class="muted s">{t('request_open_text', { day: day(expiresAtMs) })}</p>
        </>
      )}
    </section>
  );
}

/** Who changes a request on its way changes them. */
export function SameWords({ words }: { words: string }) {
  return (
    <p class="s">
      {t('same_words')}{' '}
      <b dir="ltr" translate={false}>
        {words}
      </b>
    </p>
  );
}
