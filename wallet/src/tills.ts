// Which till has the money of a method.

import { chequeTill } from './cheques/till.ts';
import { coinTill } from './coins/till.ts';
import { methodOf } from './methods.ts';
import { pieceTill } from './piece-till.ts';
import type { Till } from './till.ts';

const tills = { pieces: pieceTill, coins: coinTill, cheques: chequeTill } as const;

/** @throws {PaymentProblem} `storage-fault` */
export const tillOf = (method: string): Till => tills[methodOf(method).money];
