// Peer: x402's stock Express middleware, its facilitator in the same process. The scheme is the least that is still a
// payment: a MAC over what was accepted, and a nonce that is good once, in memory.
import { createHmac, createSecretKey, type KeyObject, randomUUID, timingSafeEqual } from 'node:crypto';
import { decodePaymentRequiredHeader, encodePaymentSignatureHeader } from '@x402/core/http';
import type { FacilitatorClient } from '@x402/core/server';
import type { PaymentPayload, SchemeNetworkServer } from '@x402/core/types';
import { paymentMiddleware, x402ResourceServer } from '@x402/express';
import { PAGE, TARGET, type Wall } from './wall.ts';

const NETWORK = 'bench:local';
const AMOUNT = '1500';

const scheme: SchemeNetworkServer = {
  scheme: 'exact',
  defaultAssetTransferMethod: 'local',
  paymentFlows: { local: { supported: ['authorization'], default: 'authorization' } },
  parsePrice: async () => ({ asset: 'usd-micro', amount: AMOUNT }),
  enhancePaymentRequirements: async (requirements) => requirements,
  getAssetDecimals: () => 6,
};

export const x402: Wall = {
  async mount(app, { page }, { secret }) {
    const server = new x402ResourceServer(facilitator(createSecretKey(secret))).register(NETWORK, scheme);
    const accepts = { scheme: 'exact', payTo: 'bench', price: '$0.0015', network: NETWORK } as const;
    app.use(paymentMiddleware({ 'GET /article/*': { accepts, description: 'An article' } }, server));
    app.get(PAGE, page);
    return {};
  },
  async payer(url, { secret }) {
    const key = createSecretKey(secret);
    const pages = async (count: number) => {
      const answer = await fetch(url + TARGET);
      await answer.body?.cancel();
      const { x402Version, resource, accepts } = decodePaymentRequiredHeader(
        answer.headers.get('payment-required') ?? '',
      );
      const [accepted] = accepts;
      if (!accepted) throw new Error('x402 offers nothing');
      return Array.from({ length: count }, () => {
        const nonce = randomUUID();
        const payload = { nonce, from: 'bench', mac: mac(nonce, key).toString('base64url') };
        return `Payment-Signature: ${encodePaymentSignatureHeader({ x402Version, resource, accepted, payload })}`;
      });
    };
    return { pages };
  },
};

function facilitator(key: KeyObject): FacilitatorClient {
  const spent = new Set<string>();
  const nonceOf = ({ payload: { nonce, mac: given } }: PaymentPayload): string | undefined => {
    if (typeof nonce !== 'string' || typeof given !== 'string') return undefined;
    const bytes = Buffer.from(given, 'base64url');
    return bytes.length === 32 && timingSafeEqual(bytes, mac(nonce, key)) ? nonce : undefined;
  };
  return {
    async verify(payload) {
      const nonce = nonceOf(payload);
      return { isValid: nonce !== undefined && !spent.has(nonce), payer: 'bench' };
    },
    async settle(payload) {
      const nonce = nonceOf(payload);
      const success = nonce !== undefined && !spent.has(nonce);
      if (nonce !== undefined) spent.add(nonce);
      return { success, transaction: nonce ?? '', network: NETWORK, payer: 'bench' };
    },
    getSupported: async () => ({
      kinds: [{ x402Version: 2, scheme: 'exact', network: NETWORK }],
      extensions: [],
      signers: {},
    }),
  };
}

const mac = (nonce: string, key: KeyObject): Buffer =>
  createHmac('sha256', key).update(`${nonce}|${AMOUNT}|bench`).digest();
