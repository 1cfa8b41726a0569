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
    setCookie(res, to, { value: cookieValue(site, credential), seconds: limits.handInMs / 1000 });
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

/** The name says for which request it is, query included: a browser's `Path` knows only where it begins. */
const nameFor = (path: string): string =>
  `__Secure-Farthing-${createHash('sha256').update(`GET ${path}`).digest('base64url').slice(0, 22)}`;

function setCookie(res: Response, to: string, { value, seconds }: { value: string; seconds: number }): void {
  const [path = '/'] = to.split('?', 1);
  // What would end the attribute, or is too long for one, leaves the binding to the name.
  const scope = /^[!-:<-~]{1,1000}$/.test(path) ? path : '/';
  const cookie = `${nameFor(to)}=${value}; Path=${scope}; Max-Age=${seconds}; HttpOnly; Secure; SameSite=Lax`;
  res.appendHeader('Set-Cookie', cookie);
}

/** What was handed in for exactly this request, as the line of a header. */
export function brought(req: Request): string | undefined {
  const { cookie } = req.headers;
  if (cookie === undefined || req.method !== 'GET' || !cookie.includes('__Secure-Farthing-')) return undefined;
  const start = `${nameFor(pathOf(req))}=`;
  const pair = cookie.split('; ').find((one) => one.startsWith(start));
  return pair && `Payment ${pair.slice(start.length)}`;
}

export const forget = (req: Request, res: Response): void => setCookie(res, pathOf(req), { value: '', seconds: 0 });
