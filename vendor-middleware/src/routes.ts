// What wallets call besides pages: the services of the methods, such as the release of scrip, and payloads that fit no header. A plain handler, so that
// it mounts in any version of Express; CORS is open, because wallets call it from pages of their own.
import { createHash } from 'node:crypto';
import {
  canonicalJson,
  type Env,
  type Json,
  limits,
  PaymentProblem,
  parseJson,
  type ServiceAnswer,
} from '@farthing/protocol';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { answerOptions, corsHeaders } from './cors.ts';
import { faultOf } from './faults.ts';
import { takeHandIn } from './hand-in.ts';
import { isDead } from './owner.ts';
import type { Site } from './site.ts';

export function makeRoutes(site: Site): RequestHandler {
  let told = false;
  return (req: Request, res: Response, next: NextFunction) => {
    if (!told && req.baseUrl.toLowerCase() !== site.api.toLowerCase()) {
      told = true;
      const message = `routes() is mounted at ${req.baseUrl || '/'}, but wallets call ${site.api}: mount it there, or set api`;
      site.tell({ code: 'routes-elsewhere', message });
    }
    if (req.method === 'OPTIONS') return answerOptions(true, req, res);
    corsHeaders(true, req, res);
    const ct = ciphertextOf(req);
    if (ct !== undefined) return site.goods.serve(ct, res, next);
    res.setHeader('Cache-Control', 'no-store');
    if (req.path === '/hand-in' && req.method === 'POST') return void takeHandIn(site, req, res);
    if (isRead(req) && req.path === '/ready') return void ready(site, res);
    serve(site, req).then(
      (answer) => (answer === undefined ? next() : send(res, 200, answer)),
      (error: unknown) => fail(site, res, error),
    );
  };
}

async function serve(site: Site, req: Request): Promise<string | undefined> {
  const path = req.path.replace(/^\/|\/$/g, '');
  if (isRead(req) && path === '') return JSON.stringify(about(site));
  if (isRead(req) && path === 'health') return JSON.stringify({ ok: true });
  const service = site.methods.map(({ services }) => services.get(path)).find((found) => found !== undefined);
  if (!service && path !== 'payload' && path !== 'hand-in') return undefined;
  if (req.method !== 'POST') throw new PaymentProblem('method-not-allowed');
  if (!service) return JSON.stringify({ ref: site.payloads.put(await jsonBody(req)) });
  return answerOnce(site, path, { body: await jsonBody(req), service });
}

const isRead = ({ method }: Request): boolean => method === 'GET' || method === 'HEAD';

async function ready({ readiness }: Site, res: Response): Promise<void> {
  const said = await readiness.ready();
  if (!said.ok) res.setHeader('Retry-After', '2');
  res.status(said.ok ? 200 : 503).setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify(said));
}

/** Digest of the ciphertext that is asked for. */
const ciphertextOf = (req: Request): string | undefined =>
  isRead(req) ? /^\/goods\/([A-Za-z0-9_-]{43})$/.exec(req.path)?.[1] : undefined;

const about = ({ vnd, name, test, broker, methods }: Site): Json => ({
  vnd,
  name,
  test,
  brokers: [{ id: broker.id, url: broker.url }],
  methods: methods.map((method) => method.name),
});

type Call = { readonly body: Json; readonly service: (body: Json, env: Env) => ServiceAnswer };

/** The answer is stored with what it spends: the same body gets the same answer, for as long as outcomes are kept. */
async function answerOnce(site: Site, path: string, { body, service }: Call): Promise<string> {
  const id = `service:${createHash('sha256')
    .update(`${path}|${canonicalJson(body)}`)
    .digest('base64url')}`;
  const known = await site.store.find(id);
  if (known) return known.outcome;
  const env = site.env();
  const { answer, spends, untilMs } = service(body, env);
  await site.crashed.settleBy(spends);
  const outcome = canonicalJson(answer);
  const entry = { id, credential: id, target: id, owner: site.owner.id, atMs: env.nowMs, untilMs, outcome, spends };
  const found = await site.store.reserve({ ...entry, state: 'committed', tallies: [], claims: [], mints: [] });
  if (found.kind === 'won') return outcome;
  if (found.kind === 'known') return found.stored.outcome;
  if (found.kind === 'held' && found.by.state === 'reserved' && !isDead(found.by.owner)) {
    throw new PaymentProblem('outcome-unknown', { consumed: 'unknown', retryAfter: 1 });
  }
  throw new PaymentProblem(found.code, { consumed: true });
}

/** Parsed by the owner's `express.json()`, or read here. @throws {PaymentProblem} `body-too-large`, `request-malformed` */
async function jsonBody(req: Request): Promise<Json> {
  const given: unknown = req.body;
  if (req.readableEnded) {
    if (typeof given !== 'object' || given === null) throw new PaymentProblem('request-malformed');
    return checked(JSON.stringify(given));
  }
  if (!/^application\/json\b/i.test(req.get('content-type') ?? '')) throw new PaymentProblem('type-unsupported');
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of req) {
    if (!(part instanceof Buffer)) continue;
    length += part.length;
    if (length > limits.bodyBytes) throw new PaymentProblem('body-too-large');
    parts.push(part);
  }
  return checked(Buffer.concat(parts).toString('utf8'));
}

function checked(text: string): Json {
  if (text.length > limits.bodyBytes) throw new PaymentProblem('body-too-large');
  const json = parseJson(text);
  if (json === undefined || !isCanonical(json))
    throw new PaymentProblem('request-malformed', { detail: 'expected JSON' });
  return json;
}

/** Fractions and lone surrogates have no canonical form, and no message of ours has any. */
function isCanonical(json: Json): boolean {
  try {
    canonicalJson(json);
    return true;
  } catch {
    return false;
  }
}

function fail(site: Site, res: Response, error: unknown): void {
  if (res.headersSent || res.destroyed) return;
  const problem = faultOf(error, site);
  if (problem.extra.retryAfter !== undefined) res.setHeader('Retry-After', String(problem.extra.retryAfter));
  if (problem.code === 'method-not-allowed') res.setHeader('Allow', 'POST, OPTIONS');
  send(res, problem.status, JSON.stringify(problem.toBody()));
}

function send(res: Response, status: number, text: string): void {
  res.status(status).setHeader('Content-Type', status === 200 ? 'application/json' : 'application/problem+json');
  res.end(text);
}
