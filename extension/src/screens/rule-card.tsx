// Today on one site: how much of its budget is used, and Auto, Ask or Never.
import type { Currency } from '@farthing/protocol';
import type { Mode, Rule, SiteRule } from '@farthing/wallet';
import { send } from '../ui/client.ts';
import { formatExact, Money } from '../ui/money.tsx';
import { Meter, Segmented } from '../ui/parts.tsx';
import { link } from '../ui/router.ts';
import { type Key, t, tx } from '../ui/t.ts';

export const MODES = [
  ['auto', 'mode_auto'],
  ['ask', 'mode_ask'],
  ['never', 'mode_never'],
] as const satisfies readonly (readonly [Mode, Key])[];

export const toWire = ({ mode, perPageMicro, perDayMicro }: Rule) => ({
  mode,
  perPageMicro: String(perPageMicro),
  perDayMicro: String(perDayMicro),
});

export type RuleCardProps = {
  readonly origin: string;
  readonly rule: SiteRule | undefined;
  readonly suggested: Rule | undefined;
  readonly currency: Currency;
};

export function RuleCard({ origin, rule, suggested, currency }: RuleCardProps) {
  const limits = rule ?? suggested;
  if (!limits) return null;
  const spent = rule?.spentTodayMicro ?? 0n;
  const label = t('today_on_site');
  return (
    <section class="card stack" aria-label={label}>
      <div class="row between s">
        <span>{label}</span>
        <b>
          {tx('part_of', {
            part: <Money amount={spent} currency={currency} />,
            whole: <Money amount={limits.perDayMicro} currency={currency} />,
          })}
        </b>
      </div>
      <Meter label={label} part={spent} whole={limits.perDayMicro} text={formatExact(spent, currency)} />
      <Segmented
        legend={t('payments_on_site')}
        value={rule?.mode ?? 'ask'}
        options={MODES}
        onPick={(mode) => void send('setRule', { origin, rule: toWire({ ...limits, mode }) })}
      />
      <div class="row between s">
        <span class="muted">
          <Limits rule={limits} currency={currency} />
        </span>
        <a href={link('site', origin)}>{t('change')}</a>
      </div>
    </section>
  );
}

export function Limits({ rule, currency }: { rule: Rule; currency: Currency }) {
  return (
    <>
      {tx('limits', {
        page: <Money amount={rule.perPageMicro} currency={currency} />,
        day: <Money amount={rule.perDayMicro} currency={currency} />,
      })}
    </>
  );
}
