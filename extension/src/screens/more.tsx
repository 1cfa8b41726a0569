// Everything that is not one of the three main sections.
import { Icon } from '../ui/icons.tsx';
import { Title } from '../ui/parts.tsx';
import { link } from '../ui/router.ts';
import { type Key, t } from '../ui/t.ts';
import { TodayCard } from './this-page/today-card.tsx';

const ENTRIES: readonly (readonly [string, Key, Key])[] = [
  ['money', 'money', 'money_text'],
  ['coins', 'coins', 'coins_entry'],
  ['top-up', 'action_top_up', 'top_up_text'],
  ['budgets', 'budgets', 'budgets_text'],
  ['phrase', 'phrase', 'phrase_text'],
  ['settings', 'settings', 'settings_text'],
];

export function More() {
  return (
    <>
      <Title quiet>{t('nav_more')}</Title>
      <ul class="list card">
        {ENTRIES.map(([to, title, text]) => (
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
