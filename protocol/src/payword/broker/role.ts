// The broker's side of PayWord, by subject. Rows in, rows out: the host loads them, writes them and books the money in the
// same transaction. Credit: user → vendor. Prepaid: user → float:chain → vendor, and the rest float:chain → user.

export { exposure } from '../poll.ts';
export {
  type Claim,
  type ClaimAlarm,
  type ClaimedChain,
  type DealRow,
  dealOf,
  type Redeemed,
  redeem,
  workOf,
} from './claims.ts';
export {
  type CertRow,
  type CreditLine,
  type Issuer,
  issueCert,
  type PollAnswer,
  type PollRow,
  poll,
} from './credit.ts';
export { type Judged, judgeEvidence } from './evidence.ts';
export { allot, type ChainRow, priceOf, refundChain, sellChain, takeClose } from './prepaid.ts';
