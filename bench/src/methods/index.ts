// Farthing's methods and stores by name. Every job runs over these lists.
import { join } from 'node:path';
import { memory, sqlite, type VendorStore } from '@farthing/vendor';
import { deferredCheques } from './cheque/deferred.ts';
import { lockedCoins } from './ecash/locked.ts';
import { onlineCoins } from './ecash/online.ts';
import type { Method, Office, Trades } from './method.ts';
import { payword } from './payword/index.ts';
import { scrip } from './scrip/index.ts';

export const methods = {
  scrip,
  payword,
  'ecash/locked': lockedCoins,
  'ecash/online': onlineCoins,
  'cheque/deferred': deferredCheques,
} satisfies Record<string, Method>;
export type MethodName = keyof typeof methods;
export const METHODS = Object.keys(methods) as MethodName[];

/** What the broker sells. Coins are the same for all ways to pay with them. */
const trades = {
  scrip: async () => (await import('./scrip/trades.ts')).trades,
  payword: async () => (await import('./payword/trades.ts')).trades,
  ecash: async () => (await import('./ecash/trades.ts')).trades,
  cheque: async () => (await import('./cheque/trades.ts')).trades,
} satisfies Record<string, () => Promise<(office: Office) => Trades>>;
export type TradesName = keyof typeof trades;
export const TRADES = Object.keys(trades) as TradesName[];
/** Those whose sales go to the buyers of the office in turn. */
export const TO_BUYERS: readonly TradesName[] = ['scrip', 'payword'];
export const tradesOf = (name: TradesName): Promise<(office: Office) => Trades> => trades[name]();

type Folder = { readonly folder: string };

export type Store = {
  open(at: Folder): VendorStore;
  /** Files whose names start so hold what it stores; absent: it forgets everything with its process. */
  file?(at: Folder): string;
};

const siteFile = ({ folder }: Folder): string => join(folder, 'site.db');

export const stores = {
  memory: { open: () => memory() },
  sqlite: { open: (at) => sqlite(siteFile(at)), file: siteFile },
} satisfies Record<string, Store>;
export type StoreName = keyof typeof stores;
export const STORES = Object.keys(stores) as StoreName[];
export const storeOf = (name: StoreName): Store => stores[name];
export const methodOf = (name: MethodName): Method => methods[name];
