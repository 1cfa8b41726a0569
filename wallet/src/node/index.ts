// @farthing/wallet/node: storage in a file, and a wallet in a directory.

export { type GetOptions, type Got, getGoods } from './get-goods.ts';
export { defaultData, type OpenWallet, openWallet } from './open.ts';
export { SqliteStore } from './sqlite-store.ts';
