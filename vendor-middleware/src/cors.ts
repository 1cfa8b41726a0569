// Cross-origin requests: a page of another origin, or a wallet's own page, must be able to read the challenge and pay.
import type { NextFunction, Request, RequestHandler, Response } from 'express';

const EXPOSED = 'WWW-Authenticate, Payment-Receipt, Payment-Consumed, Payment-Meter, Preference-Applied, Retry-After';
/** `Access-Control-Allow-Headers: *` does not cover Authorization, so all are named. */
const ALLOWED = 'Authorization, Payment-Authorization, Accept-Payment, Idempotency-Key, Prefer, Content-Type';

export type CorsOption = boolean | readonly string[];

/** Headers for an actual answer. No credentials mode: cookies never travel with payments of other origins. */
export function corsHeaders(option: CorsOption, req: Request, res: Response): boolean {
  if (option === false) return false;
  const origin = req.get('origin');
  if (option !== true) {
    res.vary('Origin');
    if (origin === undefined || !option.includes(origin)) return false;
  }
  res.setHeader('Access-Control-Allow-Origin', option === true ? '*' : String(origin));
  res.setHeader('Access-Control-Expose-Headers', EXPOSED);
  return true;
}

/** OPTIONS is never gated and never runs a handler: with CORS on it is the answer to the browser's preflight. */
export function answerOptions(option: CorsOption, req: Request, res: Response): void {
  if (corsHeaders(option, req, res)) {
    res.setHeader('Access-Control-Allow-Methods', 'GET, HEAD, POST, PUT, PATCH, DELETE');
    res.setHeader('Access-Control-Allow-Headers', ALLOWED);
    res.setHeader('Access-Control-Max-Age', '600');
  }
  res.status(204).setHeader('Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
  res.end();
}

/** For `app.use`, before the routes: Express answers OPTIONS of a route by itself, so that its wall never sees it. */
export function corsMiddleware(option: CorsOption): RequestHandler {
  return (req: Request, res: Response, next: NextFunction) => {
    const preflight = req.method === 'OPTIONS' && req.get('access-control-request-method') !== undefined;
    if (preflight) return answerOptions(option, req, res);
    corsHeaders(option, req, res);
    next();
  };
}
