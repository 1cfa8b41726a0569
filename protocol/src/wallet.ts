// The wallet's half of every method. A new method is one more export here.

export { type ChequeEvidence, type JudgedCheque, judgeEvidence } from './cheque/evidence.ts';
export type { OpenedGoods } from './cheque/judge.ts';
export * from './cheque/orders.ts';
export * as cheque from './cheque/wallet.ts';
export {
  type Approval,
  type Capture,
  type Cheque,
  type ChequeReceipt,
  chequeHash,
  chequeReceiptSchema,
  chequeSchema,
  signCheque,
} from './cheque/wire.ts';
export { type Invoice, isGenuineInvoice, standsOn } from './core/invoice.ts';
export {
  type Coin,
  coinSchema,
  coinSetHash,
  type Output,
  type SpendTerms,
  type SpentCoin,
  signSpend,
  signSwap,
} from './ecash/coin.ts';
export { DENOMINATIONS, pickCoins, split } from './ecash/denominations.ts';
export { type CoinDraft, coinSecret, draftCoin, finishCoin } from './ecash/derive.ts';
export {
  type Gift,
  makeGift,
  openGift,
  printGift,
  printSealedGift,
  readGift,
  type SealedGift,
  signedGift,
} from './ecash/gift.ts';
export {
  type KeyList,
  type Keyset,
  type KeysetRecord,
  keyListHash,
  keyListSchema,
  keysetSchema,
  phaseOf,
  readKeyList,
} from './ecash/keyset.ts';
export * from './ecash/orders.ts';
export { type CoinProof, checkCoinProof, nonceFor, type ProvenCoins } from './ecash/proof.ts';
export * as purse from './ecash/purse.ts';
export { type MoneyRequest, printRequest, readRequest, requestHash } from './ecash/request.ts';
export { type CoinTerms, changeOf, coinTerms, describeCoins, payWithCoins } from './ecash/wallet.ts';
export * from './payword/orders.ts';
export { commit, commitSegments, makeChain, type OwnChain, pieceOf } from './payword/wallet/make.ts';
export {
  chainIdOf,
  type PaywordPiece,
  pieceSchema as paywordPieceSchema,
  shownOf,
  wordsLeft,
} from './payword/wallet/piece.ts';
export { paywordWallet } from './payword/wallet/role.ts';
export { type Anchor, type Close, closeSchema, type DayCert, deedId, type Ticket } from './payword/wire.ts';
export * from './scrip/orders.ts';
export { pieceSchema as scripPieceSchema, releaseBody, type ScripPiece, scripWallet } from './scrip/wallet.ts';
export { fundsProof, type Release, releaseSchema, type Scrip, scripSchema } from './scrip/wire.ts';
