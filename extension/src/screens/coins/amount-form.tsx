// An amount, typed or picked, and one button: for withdrawing and for giving.
import type { Currency } from '@farthing/protocol';
import { toDecimal } from '@farthing/protocol';
import type { ComponentChildren } from 'preact';
import { type Kept, useKept } from '../../ui/kept.ts';
import { Money, parseTyped } from '../../ui/money.tsx';
import { Field } from '../../ui/parts.tsx';
import { t, tx } from '../../ui/t.ts';

const USUAL = [50_000n, 200_000n, 500_000n, 1_000_000n];

export type AmountFormProps = {
  readonly currency: Currency;
  /** What there is; absent where anything can be asked for. */
  readonly mostMicro?: bigint;
  readonly busy: boolean;
  readonly label: string;
  readonly submit: string;
  readonly onSubmit: (amountMicro: bigint, typed: Kept) => void;
  readonly children?: ComponentChildren;
};

export function AmountForm({ currency, mostMicro, busy, label, submit, onSubmit, children }: AmountFormProps) {
  const typed = useKept('amount', '');
  const amountMicro = parseTyped(typed.text);
  const isMore = amountMicro !== undefined && mostMicro !== undefined && amountMicro > mostMicro;
  const error =
    typed.text === ''
      ? undefined
      : amountMicro === undefined
        ? t('amount_invalid')
        : isMore
          ? t('amount_more')
          : undefined;
  const usual = USUAL.filter((amount) => mostMicro === undefined || amount <= mostMicro);
  return (
    <form
      class="card stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy && amountMicro !== undefined && amountMicro > 0n && !isMore) onSubmit(amountMicro, typed);
      }}
    >
      <Field label={label} decimal value={typed.text} error={error} onInput={typed.type} hint="0.50" />
      {usual.length > 0 && (
        <div class="chips">
          {usual.map((amount) => (
            <button
              type="button"
              key={amount}
              class={amount === amountMicro ? 'chip' : 'chip plain'}
              aria-pressed={amount === amountMicro}
              onClick={() => typed.type(toDecimal(amount))}
            >
              <Money amount={amount} currency={currency} />
            </button>
          ))}
        </div>
      )}
      {mostMicro !== undefined && (
        <p class="muted s">{tx('amount_most', { amount: <Money amount={mostMicro} currency={currency} /> })}</p>
      )}
      {children}
      <button type="submit" class="btn primary" disabled={busy}>
        {submit}
      </button>
    </form>
  );
}
