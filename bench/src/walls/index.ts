// Every wall by name. Loaded one at a time, so that a server's process holds what its own wall needs and no more.
import { METHODS, type MethodName, STORES, type StoreName } from '../methods/index.ts';
import { farthingWall } from '../methods/wall.ts';
import type { Wall } from './wall.ts';

const others = {
  free: async () => (await import('./free.ts')).free,
  'bare/ecash/locked': async () => (await import('./bare.ts')).bareCoins,
  'bare/cheque/deferred': async () => (await import('./bare.ts')).bareCheque,
  'peer/x402': async () => (await import('./x402.ts')).x402,
  'peer/mppx': async () => (await import('./mppx.ts')).mppx,
  'peer/jwt': async () => (await import('./jwt.ts')).jwt,
  'peer/l402': async () => (await import('./l402.ts')).l402,
} satisfies Record<string, () => Promise<Wall>>;

type OtherName = keyof typeof others;
export type FarthingName = `${MethodName}/${StoreName}`;
export type WallName = OtherName | FarthingName;

export const FARTHINGS: readonly { name: FarthingName; method: MethodName; store: StoreName }[] = METHODS.flatMap(
  (method) => STORES.map((store) => ({ name: `${method}/${store}` as const, method, store })),
);
/** The signatures of a method and nothing else. */
export const BARES: readonly OtherName[] = ['bare/ecash/locked', 'bare/cheque/deferred'];
export const PEERS: readonly OtherName[] = ['peer/x402', 'peer/mppx', 'peer/jwt', 'peer/l402'];

export async function loadWall(name: WallName): Promise<Wall> {
  const ours = FARTHINGS.find((wall) => wall.name === name);
  return ours ? farthingWall(ours.method, ours.store) : others[name as OtherName]();
}
