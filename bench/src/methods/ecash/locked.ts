// Coins that are locked to the site: checked and marked spent there, without asking anybody.
import type { Method } from '../method.ts';
import { COINS, DENOMINATIONS } from './coins.ts';

export const lockedCoins: Method = {
  site: { methods: ['ecash'], ecash: { denominations: DENOMINATIONS, online: false } },
  wallets: true,
  pages: false,
  streams: false,
  proves: { thing: 'coin', each: COINS.length },
  payer: async () => (await import('./payer.ts')).payer({ locked: true }),
  kernels: async () => (await import('./kernels.ts')).kernels,
  facts: async () => (await import('./kernels.ts')).facts(),
  past: async () => (await import('./past.ts')).past,
};
