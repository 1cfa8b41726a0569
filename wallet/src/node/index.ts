// @farthing/wallet/node: storage in a file, and a wallet in a directory.
export { defaultData, type OpenWallet, openWallet } from './open.ts';
export { SqliteStore } from './sqlite-store.ts';
