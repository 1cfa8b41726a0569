// What is asked: by whom, for how much, with which money, and who learns what by it.
import { centsText, Money } from '../../ui/money.tsx';
import { Avatar, Host, says } from '../../ui/parts.tsx';
import { t, tx } from '../../ui/t.ts';
import { Rate, units } from '../../ui/units.tsx';
import type { ApprovalView } from '../../view.ts';

export function Question({ view: { site, url, title, offer }, mostMicro }: { view: ApprovalView; mostMicro: bigint }) {
  const other = new URL(url).origin !== site;
  return (
    <section class="card stack">
      <div class="row">
        <Avatar of={site} />
        <div class="grow">
          <b class="ell block" dir="ltr">
            <Host origin={site} />
          </b>
          <div class="muted s ell" dir="auto">
            {title ?? ''}
          </div>
        </div>
      </div>
      {other && <p class="s">{tx('approve_other', { site: <Host origin={new URL(url).origin} /> })}</p>}
      <Price offer={offer} mostMicro={mostMicro} />
      <Terms offer={offer} />
      {offer.description !== undefined && (
        <details class="s">
          <summary>{t('site_says')}</summary>
          <bdi>{offer.description}</bdi>
        </details>
      )}
    </section>
  );
}

/** With which money, and who learns what by it. */
export function Terms({ offer }: { offer: ApprovalView['offer'] }) {
  return (
    <dl class="kv s">
      <dt>{t('pay_with')}</dt>
      <dd>
        <bdi>{offer.broker.name}</bdi> · {says(offer.says.kind)}
      </dd>
      <dt>{t('balance_after')}</dt>
      <dd>
        <Money amount={offer.balanceAfterMicro} currency={offer.currency} />
      </dd>
      <dt>{t('site_learns')}</dt>
      <dd>{says(offer.says.siteLearns)}</dd>
      <dt>{t('broker_learns')}</dt>
      <dd>{says(offer.says.brokerLearns)}</dd>
    </dl>
  );
}

export function Price({ offer, mostMicro }: { offer: ApprovalView['offer']; mostMicro: bigint }) {
  const { amountMicro, currency, unit, units: count = 1, stream } = offer;
  const cents = centsText(amountMicro);
  const rate = unit !== undefined && <Rate amount={amountMicro / BigInt(count)} currency={currency} unit={unit} />;
  return (
    <div>
      <Money amount={amountMicro} currency={currency} big />
      {unit !== undefined && (
        <div>
          {count > 1 && <>{units(unit, count)} · </>}
          {stream ? tx('at_most_for_this', { rate, limit: <Money amount={mostMicro} currency={currency} /> }) : rate}
        </div>
      )}
      {cents !== undefined && <div class="muted s">{tx('of_a_cent', { cents: <bdi dir="ltr">{cents}</bdi> })}</div>}
    </div>
  );
}

/** Why a site with a rule asks all the same. */
export function Over({ view: { reason, rule, offer } }: { view: ApprovalView }) {
  const { currency, amountMicro } = offer;
  const price = <Money amount={amountMicro} currency={currency} />;
  if (!rule || (reason !== 'over-page-limit' && reason !== 'over-day-limit')) return null;
  const page = reason === 'over-page-limit';
  const limit = <Money amount={page ? rule.perPageMicro : rule.perDayMicro} currency={currency} />;
  return <p class="banner">{tx(page ? 'state_over_page' : 'state_over_day', { price, limit })}</p>;
}
