// Cheques as the engine sees them among its methods; how they are written and what they cost is in till.ts.
import { cheque as role } from '@farthing/protocol/wallet';
import type { ChequeMethod } from '../method.ts';

export const cheque: ChequeMethod = {
  money: 'cheques',
  name: 'cheque',
  intents: ['charge'],
  understand: (request) => role.chequeTerms(request),
  costOf: ({ amount }) => amount,
  describe: role.describeCheques,
  goneCodes: new Set(),
};
