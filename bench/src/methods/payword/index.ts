import type { Method } from '../method.ts';

export const payword: Method = {
  site: { methods: ['payword'] },
  unit: 'call',
  wallets: true,
  pages: false,
  streams: true,
  payer: async () => (await import('./payer.ts')).payer,
  kernels: async () => (await import('./kernels.ts')).kernels,
  past: async () => (await import('./past.ts')).past,
};
