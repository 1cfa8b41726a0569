// Farthing's methods and stores by name. Every job runs over these lists.
import { join } from 'node:path';
import { memory, sqlite, type VendorStore } from '@farthing/vendor';
import type { Method } from './method.ts';
import { payword } from './payword/index.ts';
import { scrip } from './scrip/index.ts';

export const methods = { scrip, payword } satisfies Record<string, Method>;
export type MethodName = keyof typeof methods;
export const METHODS = Object.keys(methods) as MethodName[];

/** What the broker sells, also of methods that no wallet and no site has yet. */
const trades = {
  scrip: scrip.trades,
  payword: payword.trades,
  ecash: async () => (await import('./ecash/trades.ts')).trades,
} satisfies Record<string, Method['trades']>;
export type TradesName = keyof typeof trades;
export const TRADES = Object.keys(trades) as TradesName[];
export const tradesOf = (name: TradesName): ReturnType<Method['trades']> => trades[name]();

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
