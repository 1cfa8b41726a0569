// Coins as the engine sees them among its methods; how they are taken and what comes back is in coins/till.ts.
import { coinTerms, describeCoins } from '@farthing/protocol/wallet';
import type { CoinMethod } from './method.ts';

export const ecash: CoinMethod = {
  money: 'coins',
  name: 'ecash',
  intents: ['charge'],
  understand: (request) => coinTerms(request),
  costOf: ({ amount }) => amount,
  describe: describeCoins,
  goneCodes: new Set(['coin-spent']),
};
