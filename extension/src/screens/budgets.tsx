// The budget over all sites, and what happens on a site without a rule of its own.
import { toDecimal } from '@farthing/protocol';
import type { Budget } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { isPrivate } from '../browser.ts';
import { Refused, send, snapshot } from '../ui/client.ts';
import { useKept } from '../ui/kept.ts';
import { parseTyped } from '../ui/money.tsx';
import { BackLink, Button, Field, Live, Problem, Segmented, Title } from '../ui/parts.tsx';
import { link } from '../ui/router.ts';
import { type Key, t } from '../ui/t.ts';
import { PauseButton } from './this-page/today-card.tsx';

const PREFER = [
  ['cheapest', 'prefer_cheapest'],
  ['private', 'prefer_private'],
] as const satisfies readonly (readonly [Budget['prefer'], Key])[];

export function Budgets() {
  const { budget } = snapshot.value;
  return (
    <>
      <BackLink href={link('more')} />
      <Title>{t('budgets')}</Title>
      {budget && <Form budget={budget} />}
      <section class="card stack">
        <h2>{t('pause')}</h2>
        <div class="row wrap">
          <PauseButton />
        </div>
      </section>
    </>
  );
}

function Form({ budget }: { budget: Budget }) {
  const day = useKept('day', toDecimal(budget.perDayMicro));
  const upTo = useKept('up-to', toDecimal(budget.newSitesUpToMicro));
  const picked = useKept('new-sites', budget.newSites);
  const newSites = picked.text === 'auto' ? 'auto' : 'ask';
  const preferred = useKept('prefer', budget.prefer);
  const prefer = preferred.text === 'private' ? 'private' : 'cheapest';
  const [problem, setProblem] = useState<string>();
  const [said, setSaid] = useState('');
  const invalid = (text: string) => (parseTyped(text) === undefined ? t('amount_invalid') : undefined);
  const save = () => {
    const perDayMicro = parseTyped(day.text);
    const newSitesUpToMicro = parseTyped(upTo.text);
    setProblem(undefined);
    if (perDayMicro === undefined || newSitesUpToMicro === undefined) return;
    send('setBudget', {
      perDayMicro: String(perDayMicro),
      newSites,
      newSitesUpToMicro: String(newSitesUpToMicro),
      prefer,
    }).then(
      () => {
        for (const field of [day, upTo, picked, preferred]) field.drop();
        setSaid(t('saved'));
      },
      (error) => setProblem(error instanceof Refused ? error.code : 'storage-fault'),
    );
  };
  return (
    <section class="card stack">
      {problem !== undefined && <Problem code={problem} />}
      <Field label={t('budget_day')} decimal value={day.text} error={invalid(day.text)} onInput={day.type} />
      <h2>{t('new_sites')}</h2>
      <Segmented
        legend={t('new_sites')}
        value={newSites}
        options={[
          ['ask', 'mode_ask'],
          ['auto', 'mode_auto'],
        ]}
        onPick={picked.type}
      />
      {newSites === 'auto' && (
        <Field label={t('new_sites_up_to')} decimal value={upTo.text} error={invalid(upTo.text)} onInput={upTo.type} />
      )}
      {!isPrivate && (
        <>
          <h2>{t('prefer')}</h2>
          <Segmented legend={t('prefer')} value={prefer} options={PREFER} onPick={preferred.type} />
          <p class="muted s">{t(prefer === 'private' ? 'prefer_private_means' : 'prefer_cheapest_means')}</p>
        </>
      )}
      <Button kind="primary" onPress={save}>
        {t('save')}
      </Button>
      <Live>{said}</Live>
      {said !== '' && <p class="ok s">{said}</p>}
    </section>
  );
}
