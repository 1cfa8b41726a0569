// One gift of ours: the text that is the money, whether somebody has taken it, and taking it back.
import type { GiftInfo } from '@farthing/wallet';
import { useEffect, useState } from 'preact/hooks';
import { send, snapshot } from '../../ui/client.ts';
import { Money } from '../../ui/money.tsx';
import { BackLink, Button, Chip, Live, Title, type Tone, useLoad } from '../../ui/parts.tsx';
import { link } from '../../ui/router.ts';
import { type Key, t } from '../../ui/t.ts';
import { type Task, useTask } from '../../ui/task.ts';
import { Trouble } from '../unlock.tsx';
import { Hand } from './hand.tsx';

export const GIFT_STATES = {
  given: { key: 'gift_given', tone: 'warn' },
  coming_back: { key: 'gift_coming_back', tone: 'warn' },
  back: { key: 'gift_back', tone: 'plain' },
  taken: { key: 'gift_taken', tone: 'ok' },
} as const satisfies Record<GiftInfo['state'], { key: Key; tone: Tone }>;

export function Gift({ id }: { id: string }) {
  const [gift, setGift] = useState<GiftInfo>();
  const [missing, setMissing] = useState(false);
  const task = useTask();
  const load = async (refresh: boolean) => {
    const found = (await send('gifts', { refresh })).find((one) => one.id === id);
    setGift(found);
    setMissing(!found);
  };
  useLoad(() => load(false), [id, snapshot.value]);
  useLoad(() => load(true), [id]);
  useEffect(() => {
    const look = () => void load(true).catch(() => undefined);
    addEventListener('focus', look);
    return () => removeEventListener('focus', look);
  }, [id]);
  return (
    <>
      <BackLink href={link('gifts')} />
      <Title>{t('gift')}</Title>
      <Trouble task={task} />
      {missing && <p class="muted">{t('activity_none')}</p>}
      {gift && <Facts gift={gift} />}
      {gift?.text !== undefined && gift.link !== undefined && (
        <Hand text={gift.text} link={gift.link} label={t('gift_words')} picture={t('gift_picture')} />
      )}
      {gift?.state === 'given' && <Ending id={id} task={task} check={() => load(true)} />}
    </>
  );
}

function Facts({ gift: { amountMicro, currency, memo, state, request } }: { gift: GiftInfo }) {
  const { key, tone } = GIFT_STATES[state];
  const sealed = state === 'given' && request !== undefined;
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
      <p class="muted s">{t(sealed ? 'gift_sealed_text' : `${key}_text`)}</p>
      <Live>{t(key)}</Live>
    </section>
  );
}

function Ending({ id, task, check }: { id: string; task: Task; check: () => Promise<void> }) {
  return (
    <section class="card stack">
      <p class="muted s">{t('take_back_text')}</p>
      <div class="row wrap">
        <Button wide busy={task.busy} onPress={() => task.run(check)}>
          {t('action_check')}
        </Button>
        <Button
          wide
          kind="danger"
          busy={task.busy}
          onPress={() => task.run(() => send('takeBack', { id }).finally(check))}
        >
          {t('take_back')}
        </Button>
      </div>
    </section>
  );
}
