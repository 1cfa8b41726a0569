// @farthing/wallet: the engine, for browsers and Node alike. Storage and the command for Node are in /node.
export type { TopUp } from './account.ts';
export type * from './coin-types.ts';
export type { BoughtGoods } from './goods/bought.ts';
export type * from './invoice-types.ts';
export { MemoryStore } from './memory-store.ts';
export type { PasswordState } from './password.ts';
export type { Intended } from './paying.ts';
export { type PayingEvent, type PayingOptions, payingFetch, siteAnswer } from './paying-fetch.ts';
export type * from './ports.ts';
export { type Meter, type MeterEvent, type MeterOptions, runMeter } from './run-meter.ts';
export type * from './types.ts';
export { Wallet } from './wallet.ts';
