// The popup's first screen: the card of the page, the site's rule, what else needs attention, and today.
import { useEffect, useState } from 'preact/hooks';
import { isPrivate } from '../../browser.ts';
import { Refused, snapshot } from '../../ui/client.ts';
import { Button, Problem, Title } from '../../ui/parts.tsx';
import { go } from '../../ui/router.ts';
import { t } from '../../ui/t.ts';
import { type Sent, sentBy } from '../coins/from-page.ts';
import { RuleCard } from '../rule-card.tsx';
import { perform } from './actions.ts';
import { Attention } from './attention.tsx';
import { type ActionName, thisPage } from './card.ts';
import { currentPage, factsOf, type Page, siteOf } from './page.ts';
import { StateCard } from './state-card.tsx';
import { TodayCard } from './today-card.tsx';

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
  const site = siteOf(page);
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
      <SentCard what={sentBy(page.url)} />
      <StateCard card={card} page={page} facts={facts} act={act} />
      {site !== undefined && card.state !== 14 && (rule || view?.offer) && (
        <RuleCard
          origin={site}
          rule={rule}
          suggested={view?.offer?.suggested}
          currency={view?.currency ?? 'usd-micro'}
        />
      )}
      <Attention cards={attention} facts={facts} act={act} />
      <TodayCard />
    </>
  );
}

/** Somebody sent money, or asks for some, by the link that this page is. */
function SentCard({ what }: { what: Sent | undefined }) {
  if (what === undefined || isPrivate) return null;
  const isGift = what === 'gift';
  return (
    <section class="card stack">
      <p>{t(isGift ? 'page_gift' : 'page_request')}</p>
      <Button kind="primary" onPress={() => go(isGift ? 'receive' : 'answer')}>
        {t(isGift ? 'receive_title' : 'answer')}
      </Button>
    </section>
  );
}
