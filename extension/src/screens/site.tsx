// One site's rule: Auto, Ask or Never, its limits, its coins back as balance, and forgetting it.
import type { Rule, SiteRule } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { browser } from '../browser.ts';
import { Refused, send, snapshot } from '../ui/client.ts';
import { formatExact, Money } from '../ui/money.tsx';
import { BackLink, Button, hostOf, Live, Meter, Problem, Segmented, Title, useLoad } from '../ui/parts.tsx';
import { go, link } from '../ui/router.ts';
import { t, tx } from '../ui/t.ts';
import { LimitFields, useLimits } from './limit-fields.tsx';
import { MODES, toWire } from './rule-card.tsx';

/** Before a site has a rule, its form shows what a first payment would suggest. */
const FIRST: Rule = { mode: 'ask', perPageMicro: 10_000n, perDayMicro: 500_000n };

export function Site({ origin }: { origin: string }) {
  const [site, setSite] = useState<SiteRule>();
  const [rule, setRule] = useState<Rule>();
  const [problem, setProblem] = useState<string>();
  const [said, setSaid] = useState('');
  useLoad(async () => {
    const found = (await send('sites', {})).find((one) => one.origin === origin);
    setSite(found);
    setRule(found ?? FIRST);
  }, [origin]);
  const run = (work: Promise<string>) => {
    setProblem(undefined);
    work.then(setSaid, (error) => setProblem(error instanceof Refused ? error.code : 'storage-fault'));
  };
  const save = async (next: Rule) => {
    await send('setRule', { origin, rule: toWire(next) });
    setRule(next);
  };
  return (
    <>
      <BackLink href={link('sites')} />
      <Title>
        <bdi dir="ltr">{hostOf(origin)}</bdi>
      </Title>
      {problem !== undefined && <Problem code={problem} />}
      {rule && <RuleForm site={site} rule={rule} save={(next, then) => run(save(next).then(then))} />}
      <Ending origin={origin} run={run} />
      <Live>{said}</Live>
      {said !== '' && <p class="ok s">{said}</p>}
    </>
  );
}

type FormProps = {
  readonly site: SiteRule | undefined;
  readonly rule: Rule;
  readonly save: (rule: Rule, saved: () => string) => void;
};

function RuleForm({ site, rule, save }: FormProps) {
  const limits = useLimits(rule);
  const { perPageMicro, perDayMicro } = limits;
  const take = (mode: Rule['mode']) =>
    save({ mode, perPageMicro, perDayMicro }, () => {
      limits.drop();
      return t('saved');
    });
  return (
    <section class="card stack">
      {site && <Today spentMicro={site.spentTodayMicro} perDayMicro={rule.perDayMicro} />}
      <Segmented legend={t('payments_on_site')} value={rule.mode} options={MODES} onPick={take} />
      <p class="muted s">{t(`mode_${rule.mode}_means`)}</p>
      <LimitFields limits={limits} />
      <Button onPress={() => take(rule.mode)}>{t('save')}</Button>
    </section>
  );
}

function Today({ spentMicro, perDayMicro }: { spentMicro: bigint; perDayMicro: bigint }) {
  const currency = snapshot.value.balance?.currency ?? 'usd-micro';
  return (
    <>
      <div class="row between s">
        <span>{t('today_on_site')}</span>
        <b>
          {tx('part_of', {
            part: <Money amount={spentMicro} currency={currency} />,
            whole: <Money amount={perDayMicro} currency={currency} />,
          })}
        </b>
      </div>
      <Meter
        label={t('today_on_site')}
        part={spentMicro}
        whole={perDayMicro}
        text={formatExact(spentMicro, currency)}
      />
    </>
  );
}

/** What takes something away: the site's coins, or the site. */
function Ending({ origin, run }: { origin: string; run: (work: Promise<string>) => void }) {
  const [sure, setSure] = useState(false);
  const currency = snapshot.value.balance?.currency ?? 'usd-micro';
  const refund = async () => {
    const { creditedMicro } = await send('refund', { origin });
    return creditedMicro > 0n
      ? t('refunded_amount', { amount: formatExact(creditedMicro, currency) })
      : t('refund_done');
  };
  const forget = async () => {
    await send('forgetSite', { origin });
    await browser.permissions.remove({ origins: [`${origin}/*`] }).catch(() => false);
    go('sites');
    return '';
  };
  return (
    <section class="card stack">
      <p class="s muted">{t('refund_text')}</p>
      <Button onPress={() => run(refund())}>{t('refund_coins')}</Button>
      <Button kind="danger" onPress={() => (sure ? run(forget()) : setSure(true))}>
        {t(sure ? 'forget_sure' : 'forget')}
      </Button>
      <p class="s muted">{t('forget_text')}</p>
    </section>
  );
}
