// What is sold by the unit: its price and its number in people's words; a unit that we have no word for in the site's own.
import type { Currency } from '@farthing/protocol';
import type { ComponentChild } from 'preact';
import { Money } from './money.tsx';
import { has, isPlural, plural, t, tx } from './t.ts';

/** "$0.001 per second" */
export function Rate({ amount, currency, unit }: { amount: bigint; currency: Currency; unit: string }) {
  const price = <Money amount={amount} currency={currency} />;
  return <>{tx('per_unit', { price, unit: <UnitName unit={unit} /> })}</>;
}

/** "12 seconds" */
export function units(unit: string, count: number): ComponentChild {
  const known = `units_${unit}`;
  return isPlural(known) ? plural(known, count) : tx('units_any', { count: String(count), unit: <bdi>{unit}</bdi> });
}

function UnitName({ unit }: { unit: string }) {
  const known = `unit_${unit}`;
  return <bdi>{has(known) ? t(known) : unit}</bdi>;
}
