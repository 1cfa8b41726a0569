// Somebody else's gift is taken in: its coins are swapped at once, so that nobody has a copy that is worth anything.
import type { TakenGift } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { send, snapshot } from '../../ui/client.ts';
import { formatExact, Money } from '../../ui/money.tsx';
import { Area, BackLink, Chip, Live, Title, useLoad } from '../../ui/parts.tsx';
import { link } from '../../ui/router.ts';
import { t, tx } from '../../ui/t.ts';
import { useTask } from '../../ui/task.ts';
import { Trouble } from '../unlock.tsx';
import { textOfPage } from './from-page.ts';

export function Receive() {
  const [text, setText] = useState('');
  const [taken, setTaken] = useState<TakenGift>();
  const task = useTask();
  useLoad(async () => {
    const found = await textOfPage('gift');
    // Whoever was quicker has typed or pasted meanwhile.
    if (found !== undefined) setText((typed) => typed || found);
  }, []);
  return (
    <>
      <BackLink href={link(snapshot.value.ready ? 'coins' : '')} />
      <Title>{t('receive_title')}</Title>
      <Trouble task={task} />
      <form
        class="card stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (task.busy || text.trim() === '') return;
          task.run(async () => {
            setTaken(undefined);
            setTaken(await send('take', { text: text.trim() }));
            setText('');
          });
        }}
      >
        <Area label={t('receive_label')} value={text} rows={4} onInput={setText} hint="farthing-gift:…" />
        <button type="submit" class="btn primary" disabled={task.busy}>
          {t(task.busy ? 'receiving' : 'receive_take')}
        </button>
      </form>
      {taken ? <Taken taken={taken} /> : <p class="muted s">{t('receive_text')}</p>}
      <Live>{task.busy && t('receiving')}</Live>
    </>
  );
}

function Taken({ taken: { record, memo, brokerAdded } }: { taken: TakenGift }) {
  const { amountMicro, currency, test, brokerName = '' } = record;
  return (
    <section class="card stack">
      <div class="row between">
        <p class="ok">✓ {tx('received', { amount: <Money amount={amountMicro} currency={currency} /> })}</p>
        {test && <Chip tone="warn">{t('test')}</Chip>}
      </div>
      {memo !== undefined && (
        <p class="break">
          <bdi>“{memo}”</bdi>
        </p>
      )}
      {brokerAdded && <p class="s">{tx('broker_added', { broker: <bdi>{brokerName}</bdi> })}</p>}
      {brokerAdded && <a href={link('phrase')}>{t('phrase')}</a>}
      <Live>{t('received', { amount: formatExact(amountMicro, currency) })}</Live>
    </section>
  );
}
