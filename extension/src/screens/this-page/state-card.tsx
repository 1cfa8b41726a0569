// The one card that says what happened on this page, what it cost, and what can be done about it.
import { snapshot } from '../../ui/client.ts';
import { ago, clock } from '../../ui/dates.ts';
import { Money } from '../../ui/money.tsx';
import { Avatar, Button, Chip, Host, problemText } from '../../ui/parts.tsx';
import { link } from '../../ui/router.ts';
import { type Key, t, tx } from '../../ui/t.ts';
import { Rate, units } from '../../ui/units.tsx';
import { raised, type TabView } from '../../view.ts';
import { ACTIONS } from './actions.ts';
import type { ActionName, Card, Facts } from './card.ts';
import { type Page, siteOf } from './page.ts';
import { StreamMeter } from './stream-meter.tsx';

export type CardProps = { card: Card; page: Page; facts: Facts; act: (name: ActionName) => void };

export function StateCard({ card, page, facts, act }: CardProps) {
  const { view } = facts;
  const site = siteOf(page);
  return (
    <section class="card stack" data-state={card.state} aria-label={t('nav_this_page')}>
      {site !== undefined && (
        <div class="row">
          <Avatar of={site} />
          <div class="grow">
            <b class="ell block" dir="ltr">
              <Host origin={site} />
            </b>
            <div class="muted s ell" dir="auto">
              {page.title ?? ''}
            </div>
          </div>
          <StateChip card={card} view={view} />
        </div>
      )}
      {view?.amountMicro !== undefined && view.currency !== undefined && card.state !== 14 && (
        <div class="row between">
          <Money amount={view.amountMicro} currency={view.currency} big />
          {card.state === 3 && view.paymentId !== undefined && (
            <a class="s" href={link('receipt', view.paymentId)}>
              {t('action_receipt')}
            </a>
          )}
        </div>
      )}
      {view?.stream && view.currency !== undefined && card.state !== 14 && (
        <StreamMeter stream={view.stream} currency={view.currency} />
      )}
      <p class={card.state === 3 ? 'muted s' : ''}>
        <CardText card={card} facts={facts} />
      </p>
      <Actions card={card} view={view} act={act} />
    </section>
  );
}

const CHIPS: Readonly<Partial<Record<number, Key>>> = {
  2: 'chip_paying',
  3: 'chip_paid',
  4: 'chip_asks',
  5: 'chip_over',
  7: 'chip_pending',
  8: 'chip_failed',
  9: 'chip_undelivered',
};

function StateChip({ card, view }: { card: Card; view: TabView | undefined }) {
  const key = view?.state === 'streaming' && card.state === 2 ? 'chip_streaming' : CHIPS[card.state];
  if (!key) return null;
  return (
    <Chip tone={card.tone}>
      {card.tone === 'ok' && '✓ '}
      {t(key)}
    </Chip>
  );
}

/** Buttons, but for what the card links to in its own line. */
function Actions({ card, view, act }: Pick<CardProps, 'card' | 'act'> & { view: TabView | undefined }) {
  const actions = card.actions.filter((name) => name !== 'receipt');
  if (actions.length === 0) return null;
  return (
    <div class="row wrap">
      {actions.map((name, at) => (
        <Button
          key={name}
          wide
          {...(at === 0 && !ENDS.includes(name) ? { kind: 'primary' } : {})}
          onPress={() => act(name)}
        >
          <ActionLabel name={name} view={view} />
        </Button>
      ))}
    </div>
  );
}

/** Main as they may be, these end something. */
const ENDS: readonly ActionName[] = ['cancel', 'stop'];

export function ActionLabel({ name, view }: { name: ActionName; view: TabView | undefined }) {
  if (!view?.stream || view.currency === undefined) return <>{t(ACTIONS[name])}</>;
  const limit = <Money amount={raised(view.stream)} currency={view.currency} />;
  return <span>{tx(ACTIONS[name], { limit })}</span>;
}

export function CardText({ card, facts }: { card: Card; facts: Facts }) {
  const { view, pausedUntilMs, url } = facts;
  const site = url === undefined ? '' : <Host origin={new URL(url).origin} />;
  const price =
    view?.amountMicro !== undefined && view.currency !== undefined ? (
      <Money amount={view.amountMicro} currency={view.currency} />
    ) : (
      ''
    );
  if (view?.stream && STREAM_TEXTS.includes(card.text)) return <StreamText text={card.text} view={view} />;
  if (card.state === 3 && view) {
    const how = view.repeat ? 'state_paid_again' : view.automatic ? 'state_paid_auto' : 'state_paid_person';
    return tx(how, { ago: ago(view.atMs, Date.now()) });
  }
  if (card.state === 6) return <Short view={view} />;
  if (card.text === 'state_refused') return problemText(view?.reason ?? '');
  const until = typeof pausedUntilMs === 'number' ? clock(pausedUntilMs) : '';
  return tx(card.text, { site, price, until, limit: <Limit facts={facts} /> });
}

const STREAM_TEXTS: readonly Key[] = [
  'state_streaming',
  'state_stream_limit',
  'state_stream_over',
  'state_stream_stopped',
];

function StreamText({ text, view: { stream, currency } }: { text: Key; view: TabView }) {
  if (!stream || currency === undefined) return null;
  const { unit, unitMicro, limitMicro } = stream;
  const rate = <Rate amount={unitMicro} currency={currency} unit={unit} />;
  return (
    <>
      {tx(text, { rate, limit: <Money amount={limitMicro} currency={currency} />, units: units(unit, stream.units) })}
    </>
  );
}

function Limit({ facts: { view, url } }: { facts: Facts }) {
  const rule = url === undefined ? undefined : snapshot.value.sites[new URL(url).origin];
  if (!rule || view?.currency === undefined) return null;
  return (
    <Money amount={view.reason === 'over-day-limit' ? rule.perDayMicro : rule.perPageMicro} currency={view.currency} />
  );
}

function Short({ view }: { view: TabView | undefined }) {
  const { balance } = snapshot.value;
  const missing = view?.shortByMicro ?? 0n;
  const broker = view?.offer?.broker.name ?? balance?.brokers[0]?.name ?? '';
  if (missing <= 0n || view?.currency === undefined) return <>{t('state_short_open')}</>;
  return (
    <>
      {tx('state_short', { missing: <Money amount={missing} currency={view.currency} />, broker: <bdi>{broker}</bdi> })}
    </>
  );
}
