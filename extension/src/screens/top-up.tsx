// More money: demo money from a broker in test mode, or a voucher code.
import { useState } from 'preact/hooks';
import { Refused, send, snapshot } from '../ui/client.ts';
import { useKept } from '../ui/kept.ts';
import { formatExact, Money } from '../ui/money.tsx';
import { BackLink, Button, Field, Live, Problem, Title } from '../ui/parts.tsx';
import { link } from '../ui/router.ts';
import { t, tx } from '../ui/t.ts';

type Body = { amountMicro?: string; voucher?: string };

export function TopUp() {
  const { balance } = snapshot.value;
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [done, setDone] = useState<bigint>();
  const voucher = useKept('voucher', '');
  const [broker] = balance?.brokers ?? [];
  if (!balance || !broker) return <Title>{t('action_top_up')}</Title>;
  const { currency } = balance;
  const topUp = async (body: Body) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await send('topUp', body);
      const after = (await send('refresh', {})).balance?.totalMicro ?? balance.totalMicro;
      setDone(after - balance.totalMicro);
      if (body.voucher !== undefined) voucher.drop();
    } catch (error) {
      setProblem(error instanceof Refused ? error.code : 'storage-fault');
    }
    setBusy(false);
  };
  const { faucetMicro } = broker;
  return (
    <>
      <BackLink href={link('more')} />
      <Title>{t('action_top_up')}</Title>
      {problem !== undefined && <Problem code={problem} />}
      {faucetMicro !== undefined && (
        <section class="card stack">
          <h2>{t('demo_money')}</h2>
          <p class="muted s">{t('demo_money_text')}</p>
          <Button kind="primary" busy={busy} onPress={() => void topUp({ amountMicro: String(faucetMicro) })}>
            <span>{tx('get_amount', { amount: <Money amount={faucetMicro} currency={currency} /> })}</span>
          </Button>
        </section>
      )}
      <form
        class="card stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (voucher.text.trim() !== '') void topUp({ voucher: voucher.text.trim() });
        }}
      >
        <h2>{t('voucher')}</h2>
        <Field label={t('voucher_code')} value={voucher.text} onInput={voucher.type} />
        <button type="submit" class="btn" disabled={busy}>
          {t('voucher_redeem')}
        </button>
      </form>
      <Live>{done !== undefined && t('topped_up', { amount: formatExact(done, currency) })}</Live>
      {done !== undefined && (
        <p class="ok">✓ {tx('topped_up', { amount: <Money amount={done} currency={currency} /> })}</p>
      )}
    </>
  );
}
