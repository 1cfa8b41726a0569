// The vendor's half of every method. A new method is one more export here.
export {
  chequeAuthorizeResult,
  chequeCaptureResult,
  chequeNotesResult,
  chequeRedeemResult,
  chequeRefundResult,
  chequeSettleResult,
  chequeTraceResult,
} from './cheque/orders.ts';
export type { ChequeKeys } from './cheque/vendor/keys.ts';
export { chequeVendor } from './cheque/vendor/role.ts';
export type { ChequeReceipt } from './cheque/wire.ts';
export { type CreditNote, isGenuineNote, standsOn } from './core/invoice.ts';
export { keyListHash, readKeyList } from './ecash/keyset.ts';
export {
  type EcashPeers,
  ecashCaptureResult,
  ecashPeersSchema,
  ecashRedeemResult,
  keysetsResult,
} from './ecash/orders.ts';
export type { CoinList, EcashBroker, EcashKeys } from './ecash/vendor/keys.ts';
export { ecashVendor } from './ecash/vendor/role.ts';
export {
  paywordCloseOrder,
  paywordKeyOrder,
  paywordKeyResult,
  paywordPollResult,
  paywordRedeemResult,
} from './payword/orders.ts';
export { type PaywordKeys, paywordVendor } from './payword/vendor/role.ts';
export { licenceOrder, licenceResult, licencesResult, redeemResult } from './scrip/orders.ts';
export { type ScripKeys, scripVendor } from './scrip/vendor.ts';
export { type Licence, licenceSchema, type MasterSecrets } from './scrip/wire.ts';
