// HTTP of the hosted wallet: one page, its script and style, and its calls. Unlike the broker's API it knows cookies, so it listens
// to its own page alone: same origin, JSON, a cookie that no other site's request carries.
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { limits, PaymentProblem, tryDecode, type VendorRecord, vnd as vndSchema } from '@farthing/protocol';
import { readJson } from '../http/body.ts';
import { calls, type Reply, type Visitor } from './calls.ts';
import { type PaidSite, walletPage } from './page.ts';
import { css } from './style.ts';
import { languageOf } from './texts.ts';
import type { Wallets } from './wallets.ts';

export type PagesParts = {
  readonly wallets: Wallets;
  /** Origin that people see; all others are sent there. */
  readonly origin: string;
  readonly brk: string;
  /** The record of a site that the broker vouches for. */
  readonly vendor: (vnd: string) => Promise<VendorRecord | undefined>;
};

const COOKIE = '__Host-farthing';
export const PAY = '/pay';

const COMMON = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // Sites must see which origin a form comes from, and no more.
  'Referrer-Policy': 'strict-origin',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};
const CLOSED = { ...COMMON, 'Cache-Control': 'no-store', 'Content-Security-Policy': "default-src 'none'" };
export const pageHeaders = CLOSED;

export const isOfPages = (path: string): boolean => path === PAY || path.startsWith(`${PAY}/`);

export class HostedPages {
  readonly #parts: PagesParts;
  readonly #assets = assets();

  constructor(parts: PagesParts) {
    this.#parts = parts;
  }

  /** @throws {PaymentProblem} answered by the host, with `pageHeaders` */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.#parts.origin);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (`http://${request.headers.host}` !== this.#parts.origin.replace(/^https/, 'http')) {
      if (!isRead) throw new PaymentProblem('page-foreign');
      // Passkeys belong to one name; what stands behind `#` goes along.
      response.writeHead(303, { ...CLOSED, Location: this.#parts.origin + url.pathname + url.search }).end();
      return;
    }
    if (url.pathname.startsWith(`${PAY}/api/`))
      return this.#call(url.pathname.slice(PAY.length + 5), request, response);
    if (!isRead) throw notAllowed(response, 'GET, HEAD');
    if (url.pathname === PAY) return this.#page(url, request, response);
    const asset = this.#assets.get(url.pathname.slice(PAY.length + 1));
    if (!asset) throw new PaymentProblem('not-found');
    const { type, body } = asset;
    response.writeHead(200, { ...CLOSED, 'Cache-Control': 'no-cache', 'Content-Type': type }).end(body);
  }

  async #page({ searchParams }: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { wallets, brk } = this.#parts;
    const { settings, sendCode } = wallets.kit;
    const asked = searchParams.get('site');
    const page = walletPage({
      broker: { name: settings.name, brk, test: settings.test },
      language: languageOf(request.headers['accept-language']),
      site: asked === null ? undefined : ((await this.#site(asked)) ?? 'unknown'),
      faucet: settings.test ? settings.faucetMicro.toString() : undefined,
      hasPasswords: sendCode !== undefined,
    });
    const headers = {
      ...CLOSED,
      'Content-Security-Policy': page.policy,
      'Content-Type': 'text/html; charset=utf-8',
      'Permissions-Policy': 'publickey-credentials-get=(self), publickey-credentials-create=(self)',
      Vary: 'Accept-Language',
    };
    response.writeHead(200, headers).end(page.html);
  }

  async #site(asked: string): Promise<PaidSite | undefined> {
    const name = tryDecode(vndSchema, asked);
    return name === undefined ? undefined : this.#parts.vendor(name);
  }

  async #call(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = calls.get(name);
    if (!call) throw new PaymentProblem('not-found');
    if (request.method !== 'POST') throw notAllowed(response, 'POST');
    const { origin, 'sec-fetch-site': from = 'same-origin' } = request.headers;
    if (origin !== this.#parts.origin || from !== 'same-origin') {
      request.resume();
      throw new PaymentProblem('page-foreign');
    }
    const body = await readJson(request, limits.bodyBytes);
    const { wallets } = this.#parts;
    const token = tokenOf(request);
    const visitor: Visitor = {
      session: token === undefined ? undefined : wallets.session(token),
      language: languageOf(request.headers['accept-language']),
    };
    const reply = await call(body, wallets, visitor);
    const cookie = await this.#cookie(reply, token);
    const text = JSON.stringify(reply.json);
    const headers = { ...CLOSED, 'Content-Type': 'application/json', ...(cookie ? { 'Set-Cookie': cookie } : {}) };
    response.writeHead(200, { ...headers, 'Content-Length': Buffer.byteLength(text) }).end(text);
  }

  /** Whoever signs in gets a new token, so that nobody can have put one there before. */
  async #cookie({ enter, leave }: Reply, token: string | undefined): Promise<string | undefined> {
    const { wallets } = this.#parts;
    if ((enter || leave) && token !== undefined) await wallets.leave(token);
    if (leave) return cookieOf('', 0);
    if (!enter) return undefined;
    const made = await wallets.enter(enter);
    return cookieOf(made.token, made.seconds);
  }
}

function notAllowed(response: ServerResponse, allow: string): PaymentProblem {
  response.setHeader('Allow', allow);
  return new PaymentProblem('method-not-allowed');
}

const cookieOf = (token: string, seconds: number): string =>
  `${COOKIE}=${token}; Path=/; Max-Age=${seconds}; HttpOnly; Secure; SameSite=Strict`;

function tokenOf({ headers: { cookie = '' } }: IncomingMessage): string | undefined {
  const pair = cookie.split('; ').find((one) => one.startsWith(`${COOKIE}=`));
  return pair?.slice(COOKIE.length + 1) || undefined;
}

type Asset = { readonly type: string; readonly body: string };

function assets(): ReadonlyMap<string, Asset> {
  const script = (body: string): Asset => ({ type: 'text/javascript; charset=utf-8', body });
  const library = new URL('../dist/bundle/index.umd.min.js', import.meta.resolve('@simplewebauthn/browser'));
  return new Map([
    ['pay.css', { type: 'text/css; charset=utf-8', body: css }],
    ['webauthn.js', script(readFileSync(fileURLToPath(library), 'utf8'))],
    ...['pay', 'offer'].map((name): [string, Asset] => [`${name}.js`, script(moduleText(name))]),
  ]);
}

/** Built, or from its source while the broker runs from source. */
function moduleText(name: string): string {
  const isSource = import.meta.url.endsWith('.ts');
  const path = fileURLToPath(new URL(`./client/${name}.${isSource ? 'ts' : 'js'}`, import.meta.url));
  const text = readFileSync(path, 'utf8');
  return isSource ? stripTypeScriptTypes(text).replace(/(from '\.\/\w+)\.ts'/g, "$1.js'") : text;
}
