// Peer: mppx's stock Express middleware with a local method: a MAC over the challenge's id and a nonce that is good
// once, in memory. mppx itself keeps no record of what was paid.
import { createHmac, createSecretKey, type KeyObject, randomUUID, timingSafeEqual } from 'node:crypto';
import { Challenge, Credential, Method, z } from 'mppx';
import { payment } from 'mppx/express';
import { Mppx } from 'mppx/server';
import { PAGE, TARGET, type Wall } from './wall.ts';

const method = Method.from({
  name: 'local',
  intent: 'charge',
  schema: {
    credential: { payload: z.object({ nonce: z.string(), mac: z.string() }) },
    request: z.object({ amount: z.string(), currency: z.string(), recipient: z.string() }),
  },
});

export const mppx: Wall = {
  async mount(app, { page }, { secret }) {
    const key = createSecretKey(secret);
    const spent = new Set<string>();
    const server = Mppx.create({
      realm: 'bench.example',
      secretKey: Buffer.from(secret).toString('base64url'),
      methods: [
        Method.toServer(method, {
          async verify({ credential }) {
            const { nonce, mac: given } = credential.payload;
            const bytes = Buffer.from(given, 'base64url');
            if (bytes.length !== 32 || !timingSafeEqual(bytes, mac(nonce, key))) throw new Error('forged');
            if (spent.has(nonce)) throw new Error('spent');
            spent.add(nonce);
            return { method: 'local', status: 'success', timestamp: new Date().toISOString(), reference: nonce };
          },
        }),
      ],
    });
    const wall = payment(server.charge, { amount: '1500', currency: 'usd-micro', recipient: 'bench' });
    app.get(PAGE, wall, page);
    return {};
  },
  async payer(url, { secret }) {
    const key = createSecretKey(secret);
    const pages = async (count: number) => {
      const answer = await fetch(url + TARGET);
      const challenge = Challenge.fromResponse(answer);
      await answer.body?.cancel();
      return Array.from({ length: count }, () => {
        const nonce = randomUUID();
        const payload = { nonce, mac: mac(nonce, key).toString('base64url') };
        return `Authorization: ${Credential.serialize({ challenge, payload })}`;
      });
    };
    return { pages };
  },
};

const mac = (nonce: string, key: KeyObject): Buffer => createHmac('sha256', key).update(nonce).digest();
