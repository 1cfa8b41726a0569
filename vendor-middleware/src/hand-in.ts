// Payments that a person brings from the page of a broker (hosted wallets): the form that comes from there, and the cookie that
// keeps its credential for one page. The wall reads it as if it had come in the header.
import { createHash } from 'node:crypto';
import { limits, PaymentProblem, printCredential, type ReadCredential, readCredential } from '@farthing/protocol';
import type { Request, Response } from 'express';
import { refuse } from './refuse.ts';
import { pathOf } from './scope.ts';
import type { Site } from './site.ts';

/** More does not fit a cookie with its name. */
const COOKIE_CHARS = 3_900;

/**
 * `POST {api}/hand-in`: a form with `credential` and `to`, the path that was paid for. Whether it pays is the wall's business:
 * here nothing is spent.
 */
export async function takeHandIn(site: Site, req: Request, res: Response): Promise<void> {
  try {
    if (!site.broker.pay || req.get('origin') !== new URL(site.broker.pay).origin) {
      throw new PaymentProblem('page-foreign');
    }
    const form = await formOf(req);
    const to = pathIn(form.get('to'));
    const credential = readCredential([`Payment ${form.get('credential') ?? ''}`]);
    if (!to || !credential) throw new PaymentProblem('request-malformed');
    if (!site.challenges.isOurs(credential.challenge, site.env().crypto)) {
      throw new PaymentProblem('challenge-mismatch');
    }
    const value = cookieValue(site, credential);
    setCookie(res, { name: nameFor(to), value, path: scopeOf(to), seconds: limits.handInMs / 1000 });
    res.status(303).setHeader('Location', to);
    res.end();
  } catch (error) {
    const problem = error instanceof PaymentProblem ? error : new PaymentProblem('site-fault');
    refuse({ site, problem, challenges: [], text: {}, consumed: false }, req, res);
  }
}

/** A credential that does not fit is kept by reference, for as long as payloads are. */
function cookieValue({ payloads }: Site, { challenge, payload }: ReadCredential): string {
  const whole = printCredential({ challenge, payload });
  const fits = whole.length <= COOKIE_CHARS;
  return (fits ? whole : printCredential({ challenge, payload: { ref: payloads.put(payload) } })).slice(8);
}

/** A path on this site as browsers write it, or nothing: what another site could be reached by is none. */
function pathIn(text: string | null): string | undefined {
  const base = 'http://site.invalid';
  if (!text?.startsWith('/') || text.length > limits.urlBytes || !URL.canParse(text, base)) return undefined;
  const url = new URL(text, base);
  const path = url.pathname + url.search;
  return url.origin === base && path === text ? path : undefined;
}

/** Parsed by the owner's `express.urlencoded()`, or read here. @throws {PaymentProblem} `type-unsupported`, `body-too-large` */
async function formOf(req: Request): Promise<URLSearchParams> {
  if (!/^application\/x-www-form-urlencoded\b/i.test(req.get('content-type') ?? '')) {
    throw new PaymentProblem('type-unsupported', { detail: 'expected a form' });
  }
  const given: unknown = req.body;
  if (req.readableEnded) {
    const fields = typeof given === 'object' && given !== null ? Object.entries(given) : [];
    return new URLSearchParams(fields.map(([name, value]): [string, string] => [name, String(value)]));
  }
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of req) {
    if (!(part instanceof Buffer)) continue;
    length += part.length;
    if (length > limits.handInBytes) throw new PaymentProblem('body-too-large');
    parts.push(part);
  }
  return new URLSearchParams(Buffer.concat(parts).toString('latin1'));
}

// ── the cookie ──────────────────────────────────────────────────────────────────────────────────────────────────────

const PREFIX = '__Secure-Farthing-';
/** All that a browser brings together: a request has 16 KB for its headers, and the next payment takes up to 4 of them. */
const COOKIES_CHARS = 8_000;

/** The name says for which request it is, query included: a browser's `Path` knows only where it begins. */
const nameFor = (path: string): string =>
  PREFIX + createHash('sha256').update(`GET ${path}`).digest('base64url').slice(0, 22);

type Baked = { readonly name: string; readonly value: string; readonly path: string; readonly seconds: number };

function setCookie(res: Response, { name, value, path, seconds }: Baked): void {
  const cookie = `${name}=${value}; Path=${path}; Max-Age=${seconds}; HttpOnly; Secure; SameSite=Lax`;
  res.appendHeader('Set-Cookie', cookie);
}

/** What would end the attribute, or is too long for one, leaves the binding to the name. */
function scopeOf(to: string): string {
  const [path = '/'] = to.split('?', 1);
  return /^[!-:<-~]{1,1000}$/.test(path) ? path : '/';
}

const cookiesOf = ({ headers: { cookie = '' } }: Request): string[] =>
  cookie.includes(PREFIX) ? cookie.split('; ').filter((one) => one.startsWith(PREFIX)) : [];

/** What was handed in for exactly this request, as the line of a header. */
export function brought(req: Request): string | undefined {
  const cookies = req.method === 'GET' ? cookiesOf(req) : [];
  if (cookies.length === 0) return undefined;
  const start = `${nameFor(pathOf(req))}=`;
  const pair = cookies.find((one) => one.startsWith(start));
  return pair && `Payment ${pair.slice(start.length)}`;
}

export function forget(req: Request, res: Response): void {
  const path = pathOf(req);
  setCookie(res, { name: nameFor(path), value: '', path: scopeOf(path), seconds: 0 });
}

/**
 * Pages whose addresses differ by their query share a path, and so their cookies come together: the oldest are forgotten before
 * they fill the header.
 */
export function forgetOldest(req: Request, res: Response): void {
  const cookies = cookiesOf(req);
  let chars = cookies.reduce((sum, one) => sum + one.length, 0);
  if (chars <= COOKIES_CHARS) return;
  const path = pathOf(req);
  const mine = nameFor(path);
  for (const one of cookies) {
    const name = one.slice(0, one.indexOf('='));
    if (chars <= COOKIES_CHARS || name === mine) continue;
    chars -= one.length;
    // Which of them it was set for, the browser does not say.
    for (const above of pathsAbove(scopeOf(path))) setCookie(res, { name, value: '', path: above, seconds: 0 });
  }
}

const DEEPEST = 12;

/** `/a/b` → `/`, `/a`, `/a/`, `/a/b`. */
function pathsAbove(path: string): string[] {
  const ends = [...path.matchAll(/\//g)].map(({ index }) => index).slice(0, DEEPEST);
  return [...new Set(ends.flatMap((end) => [path.slice(0, end), path.slice(0, end + 1)])), path].filter(Boolean);
}
