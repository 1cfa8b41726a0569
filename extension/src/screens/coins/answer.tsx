// Somebody's request for money: read, shown, and answered with a gift that nobody else can take.
import type { AskedMoney } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { send } from '../../ui/client.ts';
import { day } from '../../ui/dates.ts';
import { Money } from '../../ui/money.tsx';
import { Area, BackLink, Button, Title, useLoad } from '../../ui/parts.tsx';
import { go, link } from '../../ui/router.ts';
import { t, tx } from '../../ui/t.ts';
import { useTask } from '../../ui/task.ts';
import { Trouble } from '../unlock.tsx';
import { textOfPage } from './from-page.ts';
import { SameWords } from './request.tsx';

export function Answer() {
  const [text, setText] = useState('');
  const [asked, setAsked] = useState<AskedMoney>();
  const task = useTask();
  useLoad(async () => {
    const found = await textOfPage('request');
    // Whoever was quicker has typed or pasted meanwhile.
    if (found !== undefined) setText((typed) => typed || found);
  }, []);
  const read = () => task.run(async () => setAsked(await send('readRequest', { text: text.trim() })));
  const give = ({ amountMicro }: AskedMoney) =>
    task.run(async () => {
      const made = await send('give', { amountMicro: String(amountMicro), request: text.trim() });
      go('gift', made.id);
    });
  return (
    <>
      <BackLink href={link('requests')} />
      <Title>{t('answer')}</Title>
      <Trouble task={task} />
      {asked ? (
        <Asked asked={asked} busy={task.busy} give={() => give(asked)} notNow={() => setAsked(undefined)} />
      ) : (
        <Paste text={text} busy={task.busy} type={setText} read={read} />
      )}
    </>
  );
}

type PasteProps = { text: string; busy: boolean; type: (text: string) => void; read: () => void };

function Paste({ text, busy, type, read }: PasteProps) {
  return (
    <form
      class="card stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy && text.trim() !== '') read();
      }}
    >
      <Area label={t('answer_label')} value={text} rows={4} hint="farthing-request:…" onInput={type} />
      <button type="submit" class="btn primary" disabled={busy}>
        {t('answer_read')}
      </button>
    </form>
  );
}

type AskedProps = { asked: AskedMoney; busy: boolean; give: () => void; notNow: () => void };

function Asked({ asked, busy, give, notNow }: AskedProps) {
  const { amountMicro, currency, memo, brokerName, expiresAtMs, words } = asked;
  const amount = <Money amount={amountMicro} currency={currency} />;
  return (
    <section class="card stack">
      <Money amount={amountMicro} currency={currency} big />
      {memo !== undefined && (
        <p class="break">
          <bdi>“{memo}”</bdi>
        </p>
      )}
      <SameWords words={words} />
      <p class="muted s">{t('answer_until', { day: day(expiresAtMs) })}</p>
      {brokerName === undefined ? (
        <p class="banner">{t('answer_broker')}</p>
      ) : (
        <Button kind="primary" busy={busy} onPress={(event) => event.isTrusted && give()}>
          <span>{tx(busy ? 'giving' : 'answer_give', { amount })}</span>
        </Button>
      )}
      <Button kind="quiet" onPress={notNow}>
        {t('not_now')}
      </Button>
    </section>
  );
}
