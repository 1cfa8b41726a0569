// The broker's half of every method. A new method is one more export here.
export * as cheque from './cheque/broker.ts';
export * from './cheque/orders.ts';
export { judgeClaim } from './cheque/overclaim.ts';
export {
  type Approval,
  asJson,
  type Cheque,
  type ChequeReceipt,
  chequeHash,
  chequeReceiptSchema,
  isSigned,
  signCheque,
} from './cheque/wire.ts';
export * as billing from './core/billing.ts';
export * from './core/invoice.ts';
export { isUnder, merkleTree } from './core/merkle.ts';
export { coinSetHash, type Output, type SpentCoin } from './ecash/coin.ts';
export {
  type KeyList,
  type Keyset,
  type KeysetRecord,
  keyListHash,
  keyListSchema,
  keysetOf,
  keysetSchema,
  phaseOf,
  readKeyList,
  signKeyList,
  signKeyset,
} from './ecash/keyset.ts';
export type { KeysetTotals, MintKeys, TotalsStep } from './ecash/mint.ts';
export * as ecash from './ecash/mint.ts';
export * from './ecash/orders.ts';
export * as payword from './payword/broker/role.ts';
export * from './payword/orders.ts';
export * as scrip from './scrip/broker.ts';
export * from './scrip/orders.ts';
export {
  certify,
  customerSecret,
  fundsProof,
  isCertified,
  type Licence,
  licenceSchema,
  type MasterSecrets,
  type Scrip,
  splitId,
} from './scrip/wire.ts';
