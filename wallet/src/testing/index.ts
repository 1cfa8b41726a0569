// @farthing/wallet/testing: the checks that every wallet store must pass. For tests only.
export { type StoreCheck, type StoreUnderTest, storeChecks } from './store-suite.ts';
