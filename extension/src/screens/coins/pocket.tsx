// The purse of private windows: filled with coins of the other wallet, and what is left of it brought home.
import { useState } from 'preact/hooks';
import type { PocketView } from '../../coin-messages.ts';
import { send, snapshot } from '../../ui/client.ts';
import { Money } from '../../ui/money.tsx';
import { Button, Problem, Title, useLoad } from '../../ui/parts.tsx';
import { t } from '../../ui/t.ts';
import { useTask } from '../../ui/task.ts';
import { currentPage } from '../this-page/page.ts';

const AMOUNTS = [100_000n, 500_000n, 1_000_000n];

/** In a private window: the first thing that there is to do, and the way to more money. */
export function FillPocket() {
  const task = useTask();
  const { balance } = snapshot.value;
  const currency = balance?.currency ?? 'usd-micro';
  return (
    <>
      <Title>{t('pocket_title')}</Title>
      {task.problem !== undefined && <Problem code={task.problem} />}
      <section class="card stack">
        {balance && <Money amount={balance.totalMicro} currency={currency} big />}
        <p class="muted s">{t('pocket_text')}</p>
        <h2>{t('pocket_fill')}</h2>
        <div class="row">
          {AMOUNTS.map((amount) => (
            <Button key={amount} wide busy={task.busy} onPress={() => task.run(() => fill(amount))}>
              <Money amount={amount} currency={currency} />
            </Button>
          ))}
        </div>
        <p class="muted s" role="status">
          {t(task.busy ? 'receiving' : 'pocket_end')}
        </p>
      </section>
    </>
  );
}

/** The page below may have waited for it. */
async function fill(amountMicro: bigint): Promise<void> {
  const { tabId } = await currentPage();
  await send('fillPocket', { amountMicro: String(amountMicro), tabId });
}

/** In other windows: what lies in the pocket. */
export function PocketCard() {
  const [pocket, setPocket] = useState<PocketView>();
  const task = useTask();
  const load = async () => setPocket(await send('pocket', {}));
  useLoad(load, [snapshot.value]);
  if (!pocket) return null;
  return (
    <section class="card stack">
      <div class="row between">
        <h2>{t('pocket')}</h2>
        <b>
          <Money amount={pocket.micro} currency={pocket.currency} />
        </b>
      </div>
      {task.problem !== undefined && <Problem code={task.problem} />}
      <p class="muted s">{t(pocket.open ? 'pocket_open' : 'pocket_closed')}</p>
      <Button busy={task.busy} onPress={() => task.run(() => send('collectPocket', {}).then(load))}>
        {t('pocket_collect')}
      </Button>
    </section>
  );
}
