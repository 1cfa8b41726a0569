import type { Method } from '../method.ts';

export const scrip: Method = {
  site: { methods: ['scrip'] },
  wallets: true,
  pages: true,
  streams: false,
  payer: async () => (await import('./payer.ts')).payer,
  kernels: async () => (await import('./kernels.ts')).kernels,
  past: async () => (await import('./past.ts')).past,
};
