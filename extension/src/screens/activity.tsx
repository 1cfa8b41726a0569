// Every payment, top-up and refund, newest first: searched, filtered, and taken away as CSV.
import type { PaymentRecord } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { send, snapshot } from '../ui/client.ts';
import { clock, day, sameDay } from '../ui/dates.ts';
import { useKept } from '../ui/kept.ts';
import { Money } from '../ui/money.tsx';
import { Avatar, Button, Chip, Field, Host, hostOf, Live, Title, useLoad } from '../ui/parts.tsx';
import { link } from '../ui/router.ts';
import { type Key, plural, t } from '../ui/t.ts';
import { units } from '../ui/units.tsx';
import { amountOf, isCoinMove, kindKey, stateChip } from './record.ts';

const FILTERS = {
  all: ['filter_all', () => true],
  paid: ['filter_paid', ({ kind, state }: PaymentRecord) => kind === 'payment' && state === 'paid'],
  refunds: ['filter_refunds', ({ kind, state }: PaymentRecord) => kind === 'refund' || state === 'refunded'],
  topUps: ['filter_top_ups', ({ kind }: PaymentRecord) => kind === 'top_up' || kind === 'purchase'],
  problems: ['filter_problems', ({ state }: PaymentRecord) => state !== 'paid' && state !== 'refunded'],
} as const satisfies Record<string, readonly [Key, (record: PaymentRecord) => boolean]>;
type Filter = keyof typeof FILTERS;
const names = Object.keys(FILTERS).filter((name): name is Filter => name in FILTERS);

export function Activity() {
  const [records, setRecords] = useState<readonly PaymentRecord[]>();
  const chosen = useKept('filter', 'all');
  const filter = names.find((name) => name === chosen.text) ?? 'all';
  const search = useKept('search', '');
  useLoad(async () => setRecords(await send('history', { limit: 200 })), [snapshot.value]);
  const words = search.text.trim().toLowerCase();
  // Buying site coins moves money within the wallet: it is listed with the top-ups, not among what was spent.
  const shown = (records ?? []).filter(
    (record) =>
      FILTERS[filter][1](record) &&
      (filter !== 'all' || record.kind !== 'purchase') &&
      (words === '' ||
        `${record.site ?? ''} ${record.url ?? ''} ${record.brokerName ?? ''}`.toLowerCase().includes(words)),
  );
  return (
    <>
      <Title quiet>{t('nav_activity')}</Title>
      <div class="row end">
        <Field label={t('search')} kind="search" value={search.text} onInput={search.type} hint={t('search_hint')} />
        <Button onPress={() => void saveCsv()}>{t('export')}</Button>
      </div>
      <fieldset class="chips">
        <legend class="hidden">{t('filter')}</legend>
        {names.map((name) => (
          <button
            type="button"
            key={name}
            class={name === filter ? 'chip' : 'chip plain'}
            aria-pressed={name === filter}
            onClick={() => chosen.type(name)}
          >
            {t(FILTERS[name][0])}
          </button>
        ))}
      </fieldset>
      <Live>{records && plural('found', shown.length)}</Live>
      {records && shown.length === 0 && (
        <p class="muted">{t(words === '' && filter === 'all' ? 'activity_empty' : 'activity_none')}</p>
      )}
      {byDay(shown).map((group) => (
        <Day key={group.atMs} {...group} />
      ))}
    </>
  );
}

type Group = { readonly atMs: number; readonly records: readonly PaymentRecord[] };

function byDay(records: readonly PaymentRecord[]): Group[] {
  const groups: { atMs: number; records: PaymentRecord[] }[] = [];
  for (const record of records) {
    const last = groups.at(-1);
    if (last && sameDay(last.atMs, record.atMs)) last.records.push(record);
    else groups.push({ atMs: record.atMs, records: [record] });
  }
  return groups;
}

function Day({ atMs, records }: Group) {
  const spent = records.reduce((sum, record) => (record.kind === 'payment' ? sum + amountOf(record) : sum), 0n);
  const currency = records[0]?.currency ?? 'usd-micro';
  return (
    <section class="stack">
      <div class="row between">
        <h2>{sameDay(atMs, Date.now()) ? t('today') : day(atMs)}</h2>
        <span class="s muted">{spent !== 0n && <Money amount={spent} currency={currency} sign />}</span>
      </div>
      <ul class="list card">
        {records.map((record) => (
          <Line key={record.id} record={record} />
        ))}
      </ul>
    </section>
  );
}

function Line({ record }: { record: PaymentRecord }) {
  const chip = stateChip(record);
  return (
    <li>
      <a class="line" href={link('receipt', record.id)}>
        <Avatar of={record.site ?? record.brokerName ?? '·'} />
        <span class="grow">
          <b class="ell block" dir={record.site === undefined ? 'auto' : 'ltr'}>
            {record.site === undefined ? nameOf(record) : <Host origin={record.site} />}
          </b>
          <span class="muted s row close">
            <What record={record} />
            <span class="amount">· {clock(record.atMs)}</span>
          </span>
        </span>
        <span class="side">
          <b>
            <Money amount={amountOf(record)} currency={record.currency} sign />
          </b>
          {chip && <Chip tone={chip.tone}>{t(chip.key)}</Chip>}
        </span>
      </a>
    </li>
  );
}

/** Coins that moved from hand to hand by what they did, other money by who keeps it. */
const nameOf = (record: PaymentRecord) =>
  isCoinMove(record) ? t(kindKey(record)) : (record.brokerName ?? t(kindKey(record)));

/** A stream by what came of it, a page by its path. */
function What({ record }: { record: PaymentRecord }) {
  const { kind, url, unit, units: count } = record;
  if (unit !== undefined && count !== undefined) return <span class="ell">{units(unit, count)}</span>;
  if (isCoinMove(record)) return <bdi class="ell">{record.brokerName ?? ''}</bdi>;
  if (kind !== 'payment' || url === undefined) return <span class="ell">{t(kindKey(record))}</span>;
  return (
    <span class="ell" dir="ltr">
      {pathOf(url)}
    </span>
  );
}

const pathOf = (url: string) => (URL.canParse(url) ? new URL(url).pathname : hostOf(url));

async function saveCsv(): Promise<void> {
  const text = await send('exportCsv', {});
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  link.download = `farthing-${new Date().toISOString().slice(0, 10)}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}
