// The lower half of the question: what shall hold for this site from the next page on.
import type { Mode, Rule } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { useKept } from '../../ui/kept.ts';
import { Host, Segmented } from '../../ui/parts.tsx';
import { plural, t, tx } from '../../ui/t.ts';
import type { ApprovalView } from '../../view.ts';
import { LimitFields, type TypedLimits, useLimits } from '../limit-fields.tsx';
import { Limits, MODES } from '../rule-card.tsx';

export type NextRule = {
  readonly rule: Rule;
  /** A rule that the site has and that was left alone is not set again: a yes is for this page. */
  readonly changed: boolean;
  readonly limits: TypedLimits;
  readonly pick: (mode: Mode) => void;
};

/** The site's rule, or the one that is suggested to a new site, with what the person has changed in it. */
export function useNextRule({ id, rule: has, offer }: ApprovalView): NextRule {
  const start = has ?? offer.suggested;
  const picked = useKept(`${id} mode`, start.mode);
  const limits = useLimits(start, `${id} `);
  const mode = MODES.find(([name]) => name === picked.text)?.[0] ?? start.mode;
  const { perPageMicro, perDayMicro } = limits;
  const same = mode === has?.mode && perPageMicro === has.perPageMicro && perDayMicro === has.perDayMicro;
  return { rule: { mode, perPageMicro, perDayMicro }, changed: !same, limits, pick: picked.type };
}

export function NextTime({ view: { site, offer }, next }: { view: ApprovalView; next: NextRule }) {
  const { rule, limits, pick } = next;
  const [editing, setEditing] = useState(limits.page.isDraft || limits.day.isDraft);
  const pages = rule.perDayMicro / offer.amountMicro;
  return (
    <section class="card stack">
      <h2 class="s">{tx('next_time', { site: <Host origin={site} /> })}</h2>
      <Segmented<Mode> legend={t('next_time_legend')} value={rule.mode} options={MODES} onPick={pick} />
      {rule.mode === 'auto' && !editing && (
        <div class="row between s">
          <span class="muted">
            <Limits rule={rule} currency={offer.currency} />{' '}
            {pages < 100_000n && <>({plural('about_pages', Number(pages))})</>}
          </span>
          <button type="button" class="link" onClick={() => setEditing(true)}>
            {t('change')}
          </button>
        </div>
      )}
      {rule.mode === 'auto' && editing && <LimitFields limits={limits} />}
      {rule.mode !== 'auto' && <p class="muted s">{t(rule.mode === 'ask' ? 'mode_ask_means' : 'mode_never_means')}</p>}
    </section>
  );
}
