// Coins that are good everywhere: the site asks their broker before it delivers, and tells it afterwards.
import type { Method } from '../method.ts';
import { COINS } from './coins.ts';

export const onlineCoins: Method = {
  site: { methods: ['ecash'], ecash: { denominations: [], online: true } },
  wallets: false,
  pages: false,
  streams: false,
  proves: { thing: 'coin', each: COINS.length },
  payer: async () => (await import('./payer.ts')).payer({ locked: false }),
};
