// Peer: an L402-style macaroon (id, two caveats, a chain of HMACs) with the preimage of a paid invoice. As in L402 it
// is checked, not spent.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { PAGE, type Wall } from './wall.ts';

type Macaroon = { readonly id: string; readonly caveats: readonly string[]; readonly sig: string };

const SERVICE = 'service=article';
const mac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sealOf = (root: Uint8Array, { id, caveats }: Omit<Macaroon, 'sig'>): Buffer => caveats.reduce(mac, mac(root, id));

export const l402: Wall = {
  async mount(app, { page }, { secret }) {
    app.get(
      PAGE,
      (req, res, next) => {
        if (isPaid(req.headers.authorization ?? '', secret)) next();
        else res.sendStatus(402);
      },
      page,
    );
    return {};
  },
  async payer(_url, { secret }) {
    const line = () => {
      const preimage = randomBytes(32);
      const id = `${hashOf(preimage)}.${randomBytes(16).toString('hex')}`;
      const caveats = [SERVICE, `expires=${Date.now() + 3_600_000}`];
      const macaroon = { id, caveats, sig: sealOf(secret, { id, caveats }).toString('hex') };
      return `Authorization: L402 ${Buffer.from(JSON.stringify(macaroon)).toString('base64')}:${preimage.toString('hex')}`;
    };
    return { pages: async (count) => Array.from({ length: count }, line) };
  },
};

/** The id names the hash of the preimage that only who paid the invoice knows. */
function isPaid(authorization: string, root: Uint8Array): boolean {
  const [, token = '', preimage = ''] = /^L402 ([^:]{1,2000}):([0-9a-f]{64})$/.exec(authorization) ?? [];
  try {
    const { id, caveats, sig }: Macaroon = JSON.parse(Buffer.from(token, 'base64').toString());
    const given = Buffer.from(sig, 'hex');
    return (
      given.length === 32 &&
      timingSafeEqual(given, sealOf(root, { id, caveats })) &&
      id.startsWith(`${hashOf(Buffer.from(preimage, 'hex'))}.`) &&
      caveats.every((caveat) => caveat === SERVICE || Number(/^expires=(\d+)$/.exec(caveat)?.[1]) > Date.now())
    );
  } catch {
    return false;
  }
}

const hashOf = (preimage: Uint8Array): string => createHash('sha256').update(preimage).digest('hex');
