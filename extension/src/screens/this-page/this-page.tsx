// The popup's first screen: what happened on this page, what it cost, and what can be done about it.
import type { Mode, SiteRule } from '@farthing/wallet';
import { useEffect, useState } from 'preact/hooks';
import { browser } from '../../browser.ts';
import { Refused, send, snapshot } from '../../ui/client.ts';
import { ago, clock } from '../../ui/dates.ts';
import { Money } from '../../ui/money.tsx';
import { Avatar, Button, Chip, Host, Problem, problemText, Title } from '../../ui/parts.tsx';
import { go, link } from '../../ui/router.ts';
import { type Key, t, tx } from '../../ui/t.ts';
import type { Snapshot, TabView } from '../../view.ts';
import { RuleCard } from '../rule-card.tsx';
import { type ActionName, type Card, type Facts, thisPage } from './card.ts';
import { TodayCard } from './today-card.tsx';

export type Page = { readonly tabId: number; readonly url?: string; readonly title?: string; readonly access: boolean };

/** The tab that the popup stands over; in a tab of its own, the one that last had something to do with money. */
export async function currentPage(): Promise<Page> {
  const given = Number(new URLSearchParams(location.search).get('tab') ?? Number.NaN);
  const [active] = await browser.tabs.query({ active: true, currentWindow: true });
  const own = active?.url?.startsWith(location.origin) ?? false;
  const newest = Object.values(snapshot.value.tabs).sort((a, b) => b.atMs - a.atMs)[0]?.tabId;
  const tabId = Number.isInteger(given) ? given : own ? newest : active?.id;
  const tab = tabId === undefined ? undefined : await browser.tabs.get(tabId).catch(() => undefined);
  const url = tab?.url ?? active?.url;
  const access =
    url !== undefined &&
    /^https?:/.test(url) &&
    (await browser.permissions.contains({ origins: [`${new URL(url).origin}/*`] }));
  return {
    tabId: tabId ?? -1,
    access,
    ...(url === undefined ? {} : { url }),
    ...(tab?.title === undefined ? {} : { title: tab.title }),
  };
}

function factsOf(page: Page, { tabs, sites, budget }: Snapshot): Facts {
  const view = tabs[String(page.tabId)];
  const mode = page.url !== undefined && /^https?:/.test(page.url) ? sites[new URL(page.url).origin]?.mode : undefined;
  return {
    access: page.access,
    locked: false,
    pausedUntilMs: budget?.pausedUntilMs,
    ...(page.url === undefined ? {} : { url: page.url }),
    ...(mode === undefined ? {} : { mode }),
    ...(view === undefined ? {} : { view }),
  };
}

export function ThisPage() {
  const [page, setPage] = useState<Page>();
  const [problem, setProblem] = useState<string>();
  const now = snapshot.value;
  // A change of the tab's own view may come with another address.
  const moved = page && now.tabs[String(page.tabId)]?.url;
  useEffect(() => void currentPage().then(setPage), [moved]);
  if (!page) return <Title quiet>{t('nav_this_page')}</Title>;
  const facts = factsOf(page, now);
  const { card, attention } = thisPage(facts);
  const { view } = facts;
  const site = page.url !== undefined && /^https?:/.test(page.url) ? new URL(page.url).origin : undefined;
  const rule = site === undefined ? undefined : now.sites[site];
  const act = (name: ActionName) => {
    setProblem(undefined);
    perform(name, { page, rule, ...(view === undefined ? {} : { view }) }).catch((error) =>
      setProblem(error instanceof Refused ? error.code : 'storage-fault'),
    );
  };
  return (
    <>
      <Title quiet>{t('nav_this_page')}</Title>
      {problem !== undefined && <Problem code={problem} />}
      <StateCard card={card} page={page} facts={facts} act={act} />
      {site !== undefined && card.state !== 14 && (rule || view?.offer) && (
        <RuleCard
          origin={site}
          rule={rule}
          suggested={view?.offer?.suggested}
          currency={view?.currency ?? 'usd-micro'}
        />
      )}
      {attention.length > 0 && <Attention cards={attention} facts={facts} act={act} />}
      <TodayCard />
    </>
  );
}

type CardProps = { card: Card; page: Page; facts: Facts; act: (name: ActionName) => void };

function StateCard({ card, page, facts, act }: CardProps) {
  const { view } = facts;
  const site = page.url !== undefined && /^https?:/.test(page.url) ? new URL(page.url).origin : undefined;
  return (
    <section class="card stack" data-state={card.state} aria-label={t('nav_this_page')}>
      {site !== undefined && (
        <div class="row">
          <Avatar of={site} />
          <div class="grow">
            <b class="ell block">
              <Host origin={site} />
            </b>
            <div class="muted s ell">
              <bdi>{page.title ?? ''}</bdi>
            </div>
          </div>
          <StateChip card={card} />
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
      <p class={card.state === 3 ? 'muted s' : ''}>
        <CardText card={card} facts={facts} />
      </p>
      <Actions card={card} act={act} />
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

function StateChip({ card }: { card: Card }) {
  const key = CHIPS[card.state];
  if (!key) return null;
  return (
    <Chip tone={card.tone}>
      {card.tone === 'ok' && '✓ '}
      {t(key)}
    </Chip>
  );
}

/** Buttons, but for what the card links to in its own line. */
function Actions({ card, act }: Pick<CardProps, 'card' | 'act'>) {
  const actions = card.actions.filter((name) => name !== 'receipt');
  if (actions.length === 0) return null;
  return (
    <div class="row wrap">
      {actions.map((name, at) => (
        <Button
          key={name}
          wide
          {...(at === 0 && name !== 'cancel' ? { kind: 'primary' } : {})}
          onPress={() => act(name)}
        >
          {t(ACTIONS[name])}
        </Button>
      ))}
    </div>
  );
}

const ACTIONS: Readonly<Record<ActionName, Key>> = {
  cancel: 'cancel',
  receipt: 'action_receipt',
  review: 'action_review',
  payOnce: 'action_pay_once',
  raise: 'action_raise',
  topUp: 'action_top_up',
  check: 'action_check',
  details: 'action_details',
  again: 'action_again',
  why: 'action_why',
  load: 'action_load',
  turnOn: 'action_turn_on',
  resume: 'action_resume',
  allow: 'action_allow',
  unlock: 'action_unlock',
  setUp: 'action_set_up',
};

function CardText({ card, facts }: { card: Card; facts: Facts }) {
  const { view, pausedUntilMs, url } = facts;
  const site = url === undefined ? '' : <Host origin={new URL(url).origin} />;
  const price =
    view?.amountMicro !== undefined && view.currency !== undefined ? (
      <Money amount={view.amountMicro} currency={view.currency} />
    ) : (
      ''
    );
  if (card.state === 3 && view) {
    const how = view.repeat ? 'state_paid_again' : view.automatic ? 'state_paid_auto' : 'state_paid_person';
    return tx(how, { ago: ago(view.atMs, Date.now()) });
  }
  if (card.state === 6) return <Short view={view} />;
  if (card.text === 'state_refused') return problemText(view?.reason ?? '');
  const until = typeof pausedUntilMs === 'number' ? clock(pausedUntilMs) : '';
  return tx(card.text, { site, price, until, limit: <Limit facts={facts} /> });
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

function Attention({ cards, facts, act }: { cards: readonly Card[]; facts: Facts; act: CardProps['act'] }) {
  return (
    <section class="card stack">
      <h2>{t('attention')}</h2>
      {cards.map((card) => (
        <div class="row between" key={card.state}>
          <span class="s">
            <CardText card={card} facts={facts} />
          </span>
          {card.actions.slice(0, 1).map((name) => (
            <Button key={name} onPress={() => act(name)}>
              {t(ACTIONS[name])}
            </Button>
          ))}
        </div>
      ))}
    </section>
  );
}

type Context = { readonly page: Page; readonly rule: SiteRule | undefined; readonly view?: TabView };

async function perform(name: ActionName, { page, rule, view }: Context): Promise<void> {
  const { tabId } = page;
  const record = view?.paymentId;
  const retry = () => send('retry', { tabId });
  const site = page.url === undefined ? undefined : new URL(page.url).origin;
  switch (name) {
    case 'cancel':
      return send('cancel', { tabId });
    case 'receipt':
    case 'details':
      return record === undefined ? go('activity') : go('receipt', record);
    case 'why':
      return go('why', view?.reason ?? 'other');
    case 'review':
    case 'payOnce':
      return review(tabId, view);
    case 'raise':
      return site === undefined ? undefined : go('site', site);
    case 'topUp':
      return go('top-up');
    case 'check':
      return send('check', { tabId });
    case 'again':
    case 'load':
      return retry();
    case 'turnOn':
      return rule && turnOn(page, rule);
    case 'resume':
      return send('resume', { tabId });
    case 'allow':
      // The browser's own prompt must come straight from the click: nothing is awaited before it.
      return site !== undefined && (await browser.permissions.request({ origins: [`${site}/*`] }))
        ? retry()
        : undefined;
    case 'setUp':
      await browser.tabs.create({ url: 'welcome.html' });
  }
}

async function turnOn(page: Page, { perPageMicro, perDayMicro, origin }: SiteRule): Promise<void> {
  const mode: Mode = 'ask';
  await send('setRule', {
    origin,
    rule: { mode, perPageMicro: String(perPageMicro), perDayMicro: String(perDayMicro) },
  });
  await send('retry', { tabId: page.tabId });
}

/** An open question, or a new one about the same page. */
async function review(tabId: number, view: TabView | undefined): Promise<void> {
  const open =
    view?.state === 'asking' && view.approvalId !== undefined
      ? await send('approval', { id: view.approvalId })
      : undefined;
  const asked = open ?? (await send('ask', { tabId }));
  if (asked) location.assign(`approve.html?id=${encodeURIComponent(asked.id)}`);
  else if (view?.state === 'declined' || view?.state === 'asking') await send('retry', { tabId });
}
