// Customers with coins by hand, for scenes that need what no wallet does.
import { Holder } from '@farthing/broker/testing';
import { toBase64url } from '@farthing/protocol';
import type { purse } from '@farthing/protocol/wallet';
import type { Town } from './town.ts';

/** Somebody with an account, who knows the keys of the mint and of these sites. */
export async function holder({ bench }: Town, ...sites: readonly string[]): Promise<Holder> {
  const one = new Holder(bench);
  await one.faucet(100_000n);
  await one.learn();
  for (const vnd of sites) await one.learn(`/v1/vendors/${vnd}/keysets`);
  return one;
}

export const sumOf = (values: readonly bigint[]) => values.reduce((sum, value) => sum + value, 0n);

/** Coins that are good at one site: withdrawn under a name, swapped without one. */
export async function lockedTo(one: Holder, vnd: string, values: readonly bigint[]): Promise<purse.Taken> {
  await one.withdraw(values);
  const sum = sumOf(values);
  await one.swap(one.take(sum, { change: false }).coins, values, vnd);
  return one.take(sum, { vnd, change: false });
}

/** As a challenge has it, or would have. */
export const freshId = ({ bench }: Town) => toBase64url(bench.env().random(32));

/** Every text in it that could tell one coin, customer or order from another. */
export function secretsOf(...parts: unknown[]): string[] {
  const texts: string[] = [];
  JSON.stringify(parts, (name, value) => {
    if (typeof value === 'string' && value.length >= 22 && name !== 'ks') texts.push(value);
    return value;
  });
  return texts;
}
