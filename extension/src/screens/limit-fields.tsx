// The two limits of a rule, typed.
import { toDecimal } from '@farthing/protocol';
import type { Rule } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { parseTyped } from '../ui/money.tsx';
import { Field } from '../ui/parts.tsx';
import { t } from '../ui/t.ts';

/** Typed limits; what cannot be read leaves the rule as it was and says so. */
export function LimitFields({ rule, setRule }: { rule: Rule; setRule: (rule: Rule) => void }) {
  const [page, setPage] = useState(toDecimal(rule.perPageMicro));
  const [day, setDay] = useState(toDecimal(rule.perDayMicro));
  const bad = (text: string) => (parseTyped(text) === undefined ? t('amount_invalid') : undefined);
  const take = (text: string, name: 'perPageMicro' | 'perDayMicro') => {
    const amount = parseTyped(text);
    if (amount !== undefined) setRule({ ...rule, [name]: amount });
  };
  return (
    <div class="two">
      <Field
        label={t('limit_page')}
        decimal
        value={page}
        error={bad(page)}
        onInput={(text) => {
          setPage(text);
          take(text, 'perPageMicro');
        }}
      />
      <Field
        label={t('limit_day')}
        decimal
        value={day}
        error={bad(day)}
        onInput={(text) => {
          setDay(text);
          take(text, 'perDayMicro');
        }}
      />
    </div>
  );
}
