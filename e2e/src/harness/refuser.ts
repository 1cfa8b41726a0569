// A door that sends some kinds of money back. The shop behind it knows nothing of that.
import type { Request, RequestHandler } from 'express';

/**
 * `honest`: takes nothing and says so. `silent`: lets the shop take the money, hides its answer and asks for more. `lying`: so,
 * and says besides that nothing was taken.
 */
export type Manner = 'honest' | 'silent' | 'lying';

export class Refuser {
  /** Names of methods. */
  readonly kinds = new Set<string>();
  manner: Manner = 'honest';
  /** Methods of the payments that came for pages, in their order; what was refused, too. */
  readonly shown: string[] = [];

  readonly door: RequestHandler = (req, res, next) => {
    const method = methodOf(req);
    if (method === undefined || req.path.startsWith('/farthing')) return next();
    if (req.headers[INSIDE] !== undefined) return next();
    this.shown.push(method);
    if (!this.kinds.has(method)) return next();
    const { authorization = '', host = '' } = req.headers;
    const taken =
      this.manner === 'honest'
        ? Promise.resolve()
        : fetch(`http://${host}${req.originalUrl}`, { headers: { authorization, [INSIDE]: '1' } }).then((answer) =>
            answer.arrayBuffer(),
          );
    req.rawHeaders.splice(req.rawHeaders.indexOf(authorization) - 1, 2);
    if (this.manner !== 'silent') res.setHeader('Payment-Consumed', '?0');
    void taken.then(() => next(), next);
  };
}

const INSIDE = 'x-inside';

function methodOf({ headers: { authorization } }: Request): string | undefined {
  if (authorization === undefined) return undefined;
  const token = Buffer.from(authorization.replace(/^Payment /, ''), 'base64url').toString();
  return (JSON.parse(token) as { challenge: { method: string } }).challenge.method;
}
