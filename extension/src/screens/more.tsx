// Everything that is not one of the three main sections.
import { isPrivate } from '../browser.ts';
import { Icon } from '../ui/icons.tsx';
import { Title } from '../ui/parts.tsx';
import { link } from '../ui/router.ts';
import { type Key, t } from '../ui/t.ts';
import { TodayCard } from './this-page/today-card.tsx';

type Entry = readonly [string, Key, Key];
/** What the purse of private windows has none of. */
const OWN: readonly string[] = ['coins', 'phrase'];
const PRIVATE: Entry = ['top-up', 'pocket_title', 'pocket_entry'];
const ENTRIES: readonly Entry[] = [
  ['money', 'money', 'money_text'],
  ['coins', 'coins', 'coins_entry'],
  ['top-up', 'action_top_up', 'top_up_text'],
  ['budgets', 'budgets', 'budgets_text'],
  ['phrase', 'phrase', 'phrase_text'],
  ['settings', 'settings', 'settings_text'],
];

const entries = isPrivate
  ? ENTRIES.filter(([to]) => !OWN.includes(to)).map((entry) => (entry[0] === 'top-up' ? PRIVATE : entry))
  : ENTRIES;

export function More() {
  return (
    <>
      <Title quiet>{t('nav_more')}</Title>
      <ul class="list card">
        {entries.map(([to, title, text]) => (
          <li key={to}>
            <a class="line" href={link(to)}>
              <span class="grow">
                <b class="block">{t(title)}</b>
                <span class="muted s block">{t(text)}</span>
              </span>
              <Icon name="next" flips />
            </a>
          </li>
        ))}
      </ul>
      <TodayCard />
    </>
  );
}
