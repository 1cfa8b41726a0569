// One site's rule: Auto, Ask or Never, its limits, its coins back as balance, and forgetting it.
import type { Rule, SiteRule } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { browser } from '../browser.ts';
import { Refused, send, snapshot } from '../ui/client.ts';
import { formatExact, Money } from '../ui/money.tsx';
import { BackLink, Button, hostOf, Live, Meter, Problem, Segmented, Title, useLoad } from '../ui/parts.tsx';
import { go, link } from '../ui/router.ts';
import { t, tx } from '../ui/t.ts';
import { LimitFields } from './limit-fields.tsx';
import { MODES, toWire } from './rule-card.tsx';

export function Site({ origin }: { origin: string }) {
  const [site, setSite] = useState<SiteRule>();
  const [draft, setDraft] = useState<Rule>();
  const [problem, setProblem] = useState<string>();
  const [said, setSaid] = useState('');
  const [sure, setSure] = useState(false);
  const currency = snapshot.value.balance?.currency ?? 'usd-micro';
  useLoad(async () => {
    const found = (await send('sites', {})).find((one) => one.origin === origin);
    setSite(found);
    setDraft(found ?? { mode: 'ask', perPageMicro: 10_000n, perDayMicro: 500_000n });
  }, [origin]);
  const run = (work: Promise<unknown>, done: string) => {
    setProblem(undefined);
    work.then(
      () => setSaid(done),
      (error) => setProblem(error instanceof Refused ? error.code : 'storage-fault'),
    );
  };
  const save = (rule: Rule) => {
    setDraft(rule);
    run(send('setRule', { origin, rule: toWire(rule) }), t('saved'));
  };
  const forget = () => {
    run(
      send('forgetSite', { origin })
        .then(() => browser.permissions.remove({ origins: [`${origin}/*`] }).catch(() => false))
        .then(() => go('sites')),
      '',
    );
  };
  const refund = () =>
    run(
      send('refund', { origin }).then(({ creditedMicro }) =>
        setSaid(t('refunded_amount', { amount: formatExact(creditedMicro, currency) })),
      ),
      t('refund_done'),
    );
  return (
    <>
      <BackLink href={link('sites')} />
      <Title>
        <bdi dir="ltr">{hostOf(origin)}</bdi>
      </Title>
      {problem !== undefined && <Problem code={problem} />}
      {draft && (
        <section class="card stack">
          {site && (
            <>
              <div class="row between s">
                <span>{t('today_on_site')}</span>
                <b>
                  {tx('part_of', {
                    part: <Money amount={site.spentTodayMicro} currency={currency} />,
                    whole: <Money amount={draft.perDayMicro} currency={currency} />,
                  })}
                </b>
              </div>
              <Meter
                label={t('today_on_site')}
                part={site.spentTodayMicro}
                whole={draft.perDayMicro}
                text={formatExact(site.spentTodayMicro, currency)}
              />
            </>
          )}
          <Segmented
            legend={t('payments_on_site')}
            value={draft.mode}
            options={MODES}
            onPick={(mode) => save({ ...draft, mode })}
          />
          <p class="muted s">{t(`mode_${draft.mode}_means`)}</p>
          <LimitFields rule={draft} setRule={setDraft} />
          <Button onPress={() => save(draft)}>{t('save')}</Button>
        </section>
      )}
      <section class="card stack">
        <p class="s muted">{t('refund_text')}</p>
        <Button onPress={refund}>{t('refund_coins')}</Button>
        <Button kind="danger" onPress={() => (sure ? forget() : setSure(true))}>
          {t(sure ? 'forget_sure' : 'forget')}
        </Button>
        <p class="s muted">{t('forget_text')}</p>
      </section>
      <Live>{said}</Live>
      {said !== '' && <p class="ok s">{said}</p>}
    </>
  );
}
