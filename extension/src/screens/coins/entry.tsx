// One line of a list of gifts or requests: what it is for, since when, how much, and how it stands.
import type { GiftInfo } from '@farthing/wallet';
import type { ComponentProps } from 'preact';
import { ago } from '../../ui/dates.ts';
import { Money } from '../../ui/money.tsx';
import { Chip } from '../../ui/parts.tsx';
import { t } from '../../ui/t.ts';

type Standing = {
  readonly key: Parameters<typeof t>[0];
  readonly tone: NonNullable<ComponentProps<typeof Chip>['tone']>;
};
type Listed = Pick<GiftInfo, 'atMs' | 'amountMicro' | 'currency'> & {
  readonly href: string;
  readonly title: string;
  readonly standing: Standing;
};

export function Entry({ href, title, atMs, amountMicro, currency, standing: { key, tone } }: Listed) {
  return (
    <li>
      <a class="line" href={href}>
        <span class="grow">
          <b class="block ell" dir="auto">
            {title}
          </b>
          <span class="muted s block">{ago(atMs, Date.now())}</span>
        </span>
        <span class="side">
          <b>
            <Money amount={amountMicro} currency={currency} />
          </b>
          <Chip tone={tone}>{t(key)}</Chip>
        </span>
      </a>
    </li>
  );
}
