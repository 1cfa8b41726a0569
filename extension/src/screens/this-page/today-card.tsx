// All sites today, with the two things to do about it: pause, top up.
import { useState } from 'preact/hooks';
import { send, snapshot } from '../../ui/client.ts';
import { Money } from '../../ui/money.tsx';
import { Button } from '../../ui/parts.tsx';
import { go } from '../../ui/router.ts';
import { type Key, t, tx } from '../../ui/t.ts';

const PAUSES = [
  ['hour', 'pause_hour'],
  ['today', 'pause_today'],
  ['resumed', 'pause_open'],
] as const satisfies readonly (readonly [string, Key])[];

export function TodayCard() {
  const { balance, budget } = snapshot.value;
  if (!balance || !budget) return null;
  const { currency } = balance;
  return (
    <section class="card stack">
      <div class="row between">
        <h2>{t('all_sites_today')}</h2>
        <b>
          {tx('part_of', {
            part: <Money amount={budget.spentTodayMicro} currency={currency} />,
            whole: <Money amount={budget.perDayMicro} currency={currency} />,
          })}
        </b>
      </div>
      <div class="row wrap">
        <PauseButton />
        <Button wide onPress={() => go('top-up')}>
          {t('action_top_up')}
        </Button>
      </div>
    </section>
  );
}

export function PauseButton() {
  const [choosing, setChoosing] = useState(false);
  if (snapshot.value.budget?.pausedUntilMs !== undefined)
    return (
      <Button wide onPress={() => void send('resume', {})}>
        {t('action_resume')}
      </Button>
    );
  if (!choosing)
    return (
      <Button wide onPress={() => setChoosing(true)}>
        {t('pause')}
      </Button>
    );
  return (
    <fieldset class="row wrap full">
      <legend class="s">{t('pause_how_long')}</legend>
      {PAUSES.map(([until, label]) => (
        <Button key={until} wide onPress={() => void send('pause', { until }).then(() => setChoosing(false))}>
          {t(label)}
        </Button>
      ))}
    </fieldset>
  );
}
