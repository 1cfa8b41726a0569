// The popup, and the same screens in a tab: header, the screen of the route, navigation that works from everywhere.
import type { ComponentChild } from 'preact';
import { browser, isPrivate } from '../browser.ts';
import { known, send, snapshot } from '../ui/client.ts';
import { Icon, type IconName } from '../ui/icons.tsx';
import { Money } from '../ui/money.tsx';
import { BackLink, Button, Chip, problemText, Title } from '../ui/parts.tsx';
import { go, link, route } from '../ui/router.ts';
import { type Key, t } from '../ui/t.ts';
import { Activity } from './activity.tsx';
import { Budgets } from './budgets.tsx';
import { Answer } from './coins/answer.tsx';
import { Ask } from './coins/ask.tsx';
import { Coins } from './coins/coins.tsx';
import { Gift } from './coins/gift.tsx';
import { Gifts } from './coins/gifts.tsx';
import { Give } from './coins/give.tsx';
import { PhraseScreen } from './coins/phrase.tsx';
import { FillPocket } from './coins/pocket.tsx';
import { Receive } from './coins/receive.tsx';
import { Request } from './coins/request.tsx';
import { Requests } from './coins/requests.tsx';
import { Restore } from './coins/restore.tsx';
import { Deposit, Withdraw } from './coins/withdraw.tsx';
import { MoneyScreen } from './money.tsx';
import { More } from './more.tsx';
import { Password } from './password.tsx';
import { Receipt } from './receipt.tsx';
import { Settings } from './settings.tsx';
import { Site } from './site.tsx';
import { Sites } from './sites.tsx';
import { currentPage } from './this-page/page.ts';
import { ThisPage } from './this-page/this-page.tsx';
import { TopUp } from './top-up.tsx';
import { Unlock } from './unlock.tsx';

type Section = '' | 'activity' | 'sites' | 'more';
type Screen = {
  readonly section: Section;
  readonly show: (argument: string) => ComponentChild;
  /** It makes sense in a wallet that has nothing yet. */
  readonly fresh?: true;
  /** It is about the account, the words or gifts, which the purse of private windows has none of. */
  readonly account?: true;
};

const screens: Readonly<Record<string, Screen>> = {
  '': { section: '', show: () => <ThisPage /> },
  why: { section: '', show: (code) => <Why code={code} /> },
  activity: { section: 'activity', show: () => <Activity /> },
  receipt: { section: 'activity', show: (id) => <Receipt id={id} /> },
  sites: { section: 'sites', show: () => <Sites /> },
  site: { section: 'sites', show: (origin) => <Site origin={origin} /> },
  more: { section: 'more', show: () => <More /> },
  money: { section: 'more', show: () => <MoneyScreen /> },
  'top-up': { section: 'more', show: () => <TopUp />, account: true },
  budgets: { section: 'more', show: () => <Budgets /> },
  coins: { section: 'more', show: () => <Coins />, account: true },
  withdraw: { section: 'more', show: () => <Withdraw />, account: true },
  deposit: { section: 'more', show: () => <Deposit />, account: true },
  give: { section: 'more', show: () => <Give />, account: true },
  gifts: { section: 'more', show: () => <Gifts />, account: true },
  gift: { section: 'more', show: (id) => <Gift id={id} />, account: true },
  requests: { section: 'more', show: () => <Requests />, account: true },
  request: { section: 'more', show: (id) => <Request id={id} />, account: true },
  ask: { section: 'more', show: () => <Ask />, account: true },
  answer: { section: 'more', show: () => <Answer />, account: true },
  receive: { section: 'more', show: () => <Receive />, fresh: true, account: true },
  phrase: { section: 'more', show: () => <PhraseScreen />, account: true },
  restore: { section: 'more', show: () => <Restore />, fresh: true, account: true },
  password: { section: 'more', show: () => <Password />, account: true },
  unlock: { section: '', show: () => <UnlockScreen />, account: true },
  settings: { section: 'more', show: () => <Settings />, fresh: true },
};

const NAV: readonly (readonly [Section, IconName, Key])[] = [
  ['', 'page', 'nav_this_page'],
  ['activity', 'activity', 'nav_activity'],
  ['sites', 'sites', 'nav_sites'],
  ['more', 'more', 'nav_more'],
];

export function Popup() {
  const [name = '', argument = ''] = route.value;
  const screen = screens[name] ?? screens[''];
  const isFresh = known.value && !snapshot.value.ready && !screen?.fresh;
  const closed = isFresh || (isPrivate && screen?.account);
  return (
    <div class="popup">
      <Header />
      <main class="m" key={route.value.join('/')}>
        {closed ? isPrivate ? <FillPocket /> : <Fresh /> : screen?.show(argument)}
      </main>
      <nav aria-label={t('sections')}>
        {NAV.map(([section, icon, label]) => (
          <a
            key={section}
            href={link(section)}
            {...(screen?.section === section ? { 'aria-current': 'page' as const } : {})}
          >
            <Icon name={icon} />
            {t(label)}
          </a>
        ))}
      </nav>
    </div>
  );
}

function Header() {
  const { balance, password } = snapshot.value;
  const [broker] = balance?.brokers ?? [];
  return (
    <header>
      <Icon name="wallet" />
      <b class="s ell" dir="auto">
        {broker?.name ?? 'Farthing'}
      </b>
      {broker?.test && <Chip tone="warn">{t('test')}</Chip>}
      {isPrivate && <Chip>{t('private')}</Chip>}
      <span class="sp" />
      {balance && (
        <a class="total s" href={link('money')}>
          <span class="hidden">{t('balance')} </span>
          <Money amount={balance.totalMicro} currency={balance.currency} />
        </a>
      )}
      {password?.set && (
        <button
          type="button"
          class="ib"
          aria-label={t(password.locked ? 'action_unlock' : 'lock')}
          title={t(password.locked ? 'action_unlock' : 'lock')}
          onClick={() => (password.locked ? go('unlock') : void send('lock', {}))}
        >
          <Icon name={password.locked ? 'locked' : 'unlocked'} />
        </button>
      )}
      <button
        type="button"
        class="ib only-popup"
        aria-label={t('open_in_tab')}
        title={t('open_in_tab')}
        onClick={openInTab}
      >
        <Icon name="tab" />
      </button>
    </header>
  );
}

async function openInTab(): Promise<void> {
  const [tab] = await browser.tabs.query({ active: true, currentWindow: true });
  await browser.tabs.create({ url: `popup.html?tab=${tab?.id ?? -1}${location.hash}` });
  window.close();
}

/** Before the first money there is nothing to show but the way to it. */
function Fresh() {
  return (
    <section class="card stack">
      <Title>{t('fresh_title')}</Title>
      <p class="muted">{t('fresh_text')}</p>
      <Button kind="primary" onPress={() => void browser.tabs.create({ url: 'welcome.html' })}>
        {t('action_set_up')}
      </Button>
      <div class="row wrap">
        <Button wide onPress={() => go('receive')}>
          {t('receive_title')}
        </Button>
        <Button wide onPress={() => go('restore')}>
          {t('restore')}
        </Button>
      </div>
    </section>
  );
}

function Why({ code }: { code: string }) {
  return (
    <>
      <BackLink href={link('')} />
      <section class="card stack">
        <Title>{t('action_why')}</Title>
        <p>{problemText(code)}</p>
        <p class="muted s">{t('not_charged')}</p>
        <p class="muted xs">
          {t('code')}: <code dir="ltr">{code}</code>
        </p>
      </section>
    </>
  );
}

/** The page below may have waited for it: it asks again. */
function UnlockScreen() {
  const unlocked = async () => {
    const { tabId, url } = await currentPage();
    const waits = snapshot.value.tabs[String(tabId)]?.reason === 'wallet-locked';
    go('');
    if (waits && url !== undefined) await send('retry', { tabId });
  };
  return (
    <>
      <BackLink href={link('')} />
      <Title>{t('action_unlock')}</Title>
      <Unlock unlocked={() => void unlocked()} />
    </>
  );
}
