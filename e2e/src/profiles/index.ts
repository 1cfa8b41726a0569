// The original systems that can be played. What this one cannot do is not in the list.
import { cybercoin } from './cybercoin.ts';
import { ecash } from './ecash.ts';
import { fairChain } from './fair-chain.ts';
import { millicent } from './millicent.ts';
import { minipay } from './minipay.ts';
import { netbill } from './netbill.ts';
import { netcash } from './netcash.ts';
import { payword } from './payword.ts';
import type { Profile } from './profile.ts';

export const profiles: readonly Profile[] = [
  millicent,
  payword,
  fairChain,
  ecash,
  netcash,
  netbill,
  cybercoin,
  minipay,
];
