// @farthing/wallet: the engine, for browsers and Node alike. Storage and the command for Node are in /node.
export { MemoryStore } from './memory-store.ts';
export type * from './types.ts';
export { Wallet } from './wallet.ts';
