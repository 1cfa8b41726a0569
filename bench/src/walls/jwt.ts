// Peer: a bearer token, checked by signature (HS256) and expiry alone. It is not spent: this is what admission costs
// where nobody pays.
import { createSecretKey, randomUUID } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import { PAGE, type Wall } from './wall.ts';

const OPTIONS = { algorithms: ['HS256' as const], issuer: 'bench', audience: 'article' };

export const jwt: Wall = {
  async mount(app, { page }, { secret }) {
    const key = createSecretKey(secret);
    app.get(
      PAGE,
      (req, res, next) => {
        try {
          jsonwebtoken.verify((req.headers.authorization ?? '').slice('Bearer '.length), key, OPTIONS);
        } catch {
          return void res.sendStatus(401);
        }
        next();
      },
      page,
    );
    return {};
  },
  async payer(_url, { secret }) {
    const key = createSecretKey(secret);
    const line = () => {
      const terms = { issuer: 'bench', audience: 'article', expiresIn: '1h' } as const;
      return `Authorization: Bearer ${jsonwebtoken.sign({ jti: randomUUID() }, key, terms)}`;
    };
    return { pages: async (count) => Array.from({ length: count }, line) };
  },
};
