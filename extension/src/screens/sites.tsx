// Every site with a rule of its own: mode, what was spent today, when it was last paid.
import type { SiteRule } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { send, snapshot } from '../ui/client.ts';
import { ago } from '../ui/dates.ts';
import { useKept } from '../ui/kept.ts';
import { formatExact, Money } from '../ui/money.tsx';
import { Avatar, Chip, Field, Host, hostOf, Meter, Title, type Tone, useLoad } from '../ui/parts.tsx';
import { link } from '../ui/router.ts';
import { type Key, t, tx } from '../ui/t.ts';

const MODES = {
  auto: { key: 'mode_auto', tone: 'ok' },
  ask: { key: 'mode_ask', tone: 'plain' },
  never: { key: 'mode_never', tone: 'bad' },
} as const satisfies Record<string, { key: Key; tone: Tone }>;

export function Sites() {
  const [sites, setSites] = useState<readonly SiteRule[]>();
  const search = useKept('search', '');
  useLoad(async () => setSites(await send('sites', {})), [snapshot.value]);
  const currency = snapshot.value.balance?.currency ?? 'usd-micro';
  const shown = (sites ?? []).filter(({ origin }) => hostOf(origin).includes(search.text.trim().toLowerCase()));
  return (
    <>
      <Title quiet>{t('nav_sites')}</Title>
      <Field label={t('search')} kind="search" value={search.text} onInput={search.type} hint={t('search_sites')} />
      {sites && shown.length === 0 && <p class="muted">{t('sites_empty')}</p>}
      {shown.length > 0 && (
        <ul class="list card">
          {shown.map((site) => (
            <li key={site.origin}>
              <a class="line" href={link('site', site.origin)}>
                <Avatar of={site.origin} />
                <span class="grow stack tight">
                  <b class="ell block" dir="ltr">
                    <Host origin={site.origin} />
                  </b>
                  <span class="muted s ell block">
                    {tx('part_of', {
                      part: <Money amount={site.spentTodayMicro} currency={currency} />,
                      whole: <Money amount={site.perDayMicro} currency={currency} />,
                    })}
                    {site.lastPaidAtMs !== undefined && ` · ${ago(site.lastPaidAtMs, Date.now())}`}
                  </span>
                  <Meter
                    label={t('today_on_site')}
                    part={site.spentTodayMicro}
                    whole={site.perDayMicro}
                    text={formatExact(site.spentTodayMicro, currency)}
                  />
                </span>
                <Chip tone={MODES[site.mode].tone}>{t(MODES[site.mode].key)}</Chip>
              </a>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
