// Coins on their way: what was begun and has no end yet. Nobody needs to wait for it with this window open.
import type { PaymentRecord } from '@farthing/wallet';
import { Money } from '../../ui/money.tsx';
import { Chip } from '../../ui/parts.tsx';
import { link } from '../../ui/router.ts';
import { t } from '../../ui/t.ts';
import { kindKey } from '../record.ts';

export function Moving({ records }: { records: readonly PaymentRecord[] }) {
  if (records.length === 0) return null;
  return (
    <section class="card stack" aria-live="polite">
      <h2>{t('moving')}</h2>
      <ul class="list">
        {records.map((record) => (
          <li key={record.id}>
            <a class="line" href={link('receipt', record.id)}>
              <span class="grow">{t(kindKey(record))}</span>
              <b>
                <Money amount={record.amountMicro} currency={record.currency} />
              </b>
              <Chip tone="warn">{t('chip_arriving')}</Chip>
            </a>
          </li>
        ))}
      </ul>
      <p class="muted s">{t('moving_text')}</p>
    </section>
  );
}
