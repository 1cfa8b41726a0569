// Every wall by name. Loaded one at a time, so that a server's process holds what its own wall needs and no more.
import type { Wall } from './wall.ts';

const load = {
  free: async () => (await import('./free.ts')).free,
  'scrip/memory': async () => (await import('./scrip.ts')).scripMemory,
  'scrip/sqlite': async () => (await import('./scrip.ts')).scripSqlite,
  'peer/x402': async () => (await import('./x402.ts')).x402,
  'peer/mppx': async () => (await import('./mppx.ts')).mppx,
  'peer/jwt': async () => (await import('./jwt.ts')).jwt,
  'peer/l402': async () => (await import('./l402.ts')).l402,
} satisfies Record<string, () => Promise<Wall>>;

export type WallName = keyof typeof load;

export const loadWall = (name: WallName): Promise<Wall> => load[name]();
