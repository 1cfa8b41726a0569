// Money of the account becomes private coins, or they become money of the account again. The worker does it; these screens only
// start it and look on.
import { useState } from 'preact/hooks';
import type { CoinsView } from '../../coin-messages.ts';
import { send, snapshot } from '../../ui/client.ts';
import { formatExact, Money } from '../../ui/money.tsx';
import { BackLink, Live, Title, useLoad } from '../../ui/parts.tsx';
import { link } from '../../ui/router.ts';
import { type Key, t, tx } from '../../ui/t.ts';
import { useTask } from '../../ui/task.ts';
import { Trouble } from '../unlock.tsx';
import { AmountForm } from './amount-form.tsx';
import { Moving } from './moving.tsx';

const WAYS = {
  withdraw: {
    title: 'withdraw',
    label: 'withdraw_label',
    text: 'withdraw_text',
    busy: 'withdrawing',
    done: 'withdrawn',
  },
  deposit: { title: 'deposit', label: 'deposit_label', text: 'deposit_text', busy: 'depositing', done: 'deposited' },
} as const satisfies Record<string, Record<string, Key>>;

export const Withdraw = () => <Exchange way="withdraw" />;
export const Deposit = () => <Exchange way="deposit" />;

function Exchange({ way }: { way: keyof typeof WAYS }) {
  const texts = WAYS[way];
  const { balance } = snapshot.value;
  const task = useTask();
  const [done, setDone] = useState<bigint>();
  const [view, setView] = useState<CoinsView>();
  useLoad(async () => setView(await send('coins', {})), [snapshot.value]);
  const [broker] = balance?.brokers ?? [];
  if (!balance || !broker) return <Title>{t(texts.title)}</Title>;
  const { currency } = balance;
  return (
    <>
      <BackLink href={link('coins')} />
      <Title>{t(texts.title)}</Title>
      <Trouble task={task} />
      <AmountForm
        currency={currency}
        mostMicro={way === 'withdraw' ? broker.accountMicro : broker.cashMicro}
        busy={task.busy}
        label={t(texts.label)}
        submit={t(task.busy ? texts.busy : texts.title)}
        onSubmit={(amountMicro, typed) =>
          task.run(async () => {
            setDone(undefined);
            await send(way, { amountMicro: String(amountMicro) });
            typed.drop();
            setDone(amountMicro);
          })
        }
      >
        <p class="muted s">{t(texts.text)}</p>
      </AmountForm>
      <Live>{done !== undefined && t(texts.done, { amount: formatExact(done, currency) })}</Live>
      {done !== undefined && (
        <p class="ok">✓ {tx(texts.done, { amount: <Money amount={done} currency={currency} /> })}</p>
      )}
      {view && <Moving records={view.moving} />}
    </>
  );
}
