// Money of the account becomes private coins. The worker does it; this screen only starts it and looks on.
import { useState } from 'preact/hooks';
import type { CoinsView } from '../../coin-messages.ts';
import { send, snapshot } from '../../ui/client.ts';
import { formatExact, Money } from '../../ui/money.tsx';
import { BackLink, Live, Problem, Title, useLoad } from '../../ui/parts.tsx';
import { link } from '../../ui/router.ts';
import { t, tx } from '../../ui/t.ts';
import { useTask } from '../../ui/task.ts';
import { AmountForm } from './amount-form.tsx';
import { Moving } from './moving.tsx';

export function Withdraw() {
  const { balance } = snapshot.value;
  const task = useTask();
  const [done, setDone] = useState<bigint>();
  const [view, setView] = useState<CoinsView>();
  useLoad(async () => setView(await send('coins', {})), [snapshot.value]);
  const [broker] = balance?.brokers ?? [];
  if (!balance || !broker) return <Title>{t('withdraw')}</Title>;
  const { currency } = balance;
  return (
    <>
      <BackLink href={link('coins')} />
      <Title>{t('withdraw')}</Title>
      {task.problem !== undefined && <Problem code={task.problem} />}
      <AmountForm
        currency={currency}
        mostMicro={broker.accountMicro}
        busy={task.busy}
        label={t('withdraw_label')}
        submit={t(task.busy ? 'withdrawing' : 'withdraw')}
        onSubmit={(amountMicro, typed) =>
          task.run(async () => {
            setDone(undefined);
            await send('withdraw', { amountMicro: String(amountMicro) });
            typed.drop();
            setDone(amountMicro);
          })
        }
      >
        <p class="muted s">{t('withdraw_text')}</p>
      </AmountForm>
      <Live>{done !== undefined && t('withdrawn', { amount: formatExact(done, currency) })}</Live>
      {done !== undefined && (
        <p class="ok">✓ {tx('withdrawn', { amount: <Money amount={done} currency={currency} /> })}</p>
      )}
      {view && <Moving records={view.moving} />}
    </>
  );
}
