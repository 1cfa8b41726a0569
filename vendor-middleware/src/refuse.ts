// The answer to a request that is not (rightly) paid: one problem, two representations, the same headers on both.
import {
  type Challenge,
  type Consumed,
  type JsonObject,
  limits,
  orderOffers,
  type PaymentProblem,
  printChallenge,
  readAcceptPayment,
} from '@farthing/protocol';
import type { Request, Response } from 'express';
import { wantsPage } from './accept.ts';
import { addVary, tellConsumed } from './headers.ts';
import type { Quote } from './offers.ts';
import { type PageText, paywallPage } from './page.ts';
import { type Language, languages } from './page-texts.ts';
import { payLink } from './pay-link.ts';
import type { Site } from './site.ts';

export type Refusal = {
  readonly site: Site;
  readonly problem: PaymentProblem;
  /** What this page would cost, as far as it is known. */
  readonly quote?: Quote | undefined;
  /** Fresh challenges; each 402 has at least one. */
  readonly challenges: readonly Challenge[];
  readonly text: PageText;
  /** What is known of the credential that came with the request. */
  readonly consumed: Consumed;
};

export function refuse(refusal: Refusal, req: Request, res: Response): void {
  // The handler has answered already: there is nobody left to tell.
  if (res.headersSent || res.destroyed) return;
  const { site, problem } = refusal;
  if (problem.status === 402) site.firstAsk();
  const challenges = preferred(refusal.challenges, req.get('accept-payment'));
  const body: JsonObject = { ...problem.toBody(), ...(challenges.length > 0 ? { challenges } : {}) };
  res.status(problem.status);
  res.setHeader('Cache-Control', 'no-store');
  addVary(res);
  tellConsumed(res, refusal.consumed !== false);
  if (challenges.length > 0) res.setHeader('WWW-Authenticate', challenges.map(printChallenge));
  if (problem.extra.retryAfter !== undefined) res.setHeader('Retry-After', String(problem.extra.retryAfter));
  const shown = { ...refusal, body, language: languageOf(req), pay: payLink(site, challenges, req) };
  const page = wantsPage(req.get('accept')) ? paywallPage(shown) : undefined;
  if (page) res.setHeader('Content-Security-Policy', page.policy);
  res.setHeader('Content-Type', page ? 'text/html; charset=utf-8' : 'application/problem+json');
  // `end`, not `send`: no entity tag, so that no cache can answer 304 for it.
  const text = page?.html ?? JSON.stringify(body);
  res.setHeader('Content-Length', Buffer.byteLength(text));
  if (req.method === 'HEAD') res.end();
  else res.end(text);
}

/** The best of ours by Accept-Language, else English. */
function languageOf(req: Request): Language {
  const best = req.acceptsLanguages([...languages]);
  return languages.find((language) => language === best) ?? 'en';
}

/** In the wallet's order; if it wants none of them, all of them: a 402 without a challenge helps nobody. */
function preferred(challenges: readonly Challenge[], header: string | undefined): readonly Challenge[] {
  const wanted = readAcceptPayment(header);
  const ordered = orderOffers(challenges, wanted);
  return (ordered.length > 0 ? ordered : challenges).slice(0, limits.challenges);
}
