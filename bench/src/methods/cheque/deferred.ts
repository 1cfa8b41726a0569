// Cheques that the site serves at once: the customer's signature is checked there, and the broker sees them later.
import type { Method } from '../method.ts';

export const deferredCheques: Method = {
  site: { methods: ['cheque'], cheque: { offlineMax: '1000' } },
  wallets: false,
  pages: false,
  streams: false,
  proves: { thing: 'cheque', each: 1 },
  payer: async () => (await import('./payer.ts')).payer,
  kernels: async () => (await import('./kernels.ts')).kernels,
  facts: async () => (await import('./kernels.ts')).facts(),
  past: async () => (await import('./past.ts')).past,
};
