// The two limits of a rule, typed, and what they come to.
import { toDecimal } from '@farthing/protocol';
import type { Rule } from '@farthing/wallet';
import { type Kept, useKept } from '../ui/kept.ts';
import { parseTyped } from '../ui/money.tsx';
import { Field } from '../ui/parts.tsx';
import { t } from '../ui/t.ts';

type Amounts = Pick<Rule, 'perPageMicro' | 'perDayMicro'>;
export type TypedLimits = Amounts & { readonly page: Kept; readonly day: Kept; readonly drop: () => void };

/** What is typed over the limits in force; what cannot be read leaves them as they are. `of` tells two forms apart. */
export function useLimits({ perPageMicro, perDayMicro }: Amounts, of = ''): TypedLimits {
  const page = useKept(`${of}limit-page`, toDecimal(perPageMicro));
  const day = useKept(`${of}limit-day`, toDecimal(perDayMicro));
  return {
    page,
    day,
    perPageMicro: (page.isDraft ? parseTyped(page.text) : undefined) ?? perPageMicro,
    perDayMicro: (day.isDraft ? parseTyped(day.text) : undefined) ?? perDayMicro,
    drop: () => {
      page.drop();
      day.drop();
    },
  };
}

export function LimitFields({ limits: { page, day } }: { limits: TypedLimits }) {
  const bad = ({ text }: Kept) => (parseTyped(text) === undefined ? t('amount_invalid') : undefined);
  return (
    <div class="two">
      <Field label={t('limit_page')} decimal value={page.text} error={bad(page)} onInput={page.type} />
      <Field label={t('limit_day')} decimal value={day.text} error={bad(day)} onInput={day.type} />
    </div>
  );
}
