// A fetch that pays: like fetch, and a 402 inside of the person's rules is answered and the request sent again.
import { bodyDigest, limits, PaymentProblem, type ProblemCode, portableCrypto } from '@farthing/protocol';
import { metered } from './metered.ts';
import type { Meter, MeterEvent } from './run-meter.ts';
import { isSpared } from './sent.ts';
import { challengesOf, siteAnswer } from './site-answer.ts';
import type { Approval, Ask, Decision, Offer, Payment, Settled, SiteAnswer } from './types.ts';
import type { Wallet } from './wallet.ts';

export { siteAnswer } from './site-answer.ts';

type Fetch = typeof globalThis.fetch;

export type PayingEvent =
  | { readonly kind: 'decided'; readonly decision: Decision }
  | { readonly kind: 'sent'; readonly payment: Payment; readonly preempted: boolean }
  | { readonly kind: 'settled'; readonly settled: Settled }
  /** The answer is a stream: it is paid while its body is read. */
  | { readonly kind: 'stream'; readonly payment: Payment; readonly meter: Meter };

export type PayingOptions = {
  /**
   * Never pays more than this for one request (or one stream), and pays up to it where a rule would ask. Limits of the day
   * hold.
   */
  readonly maxMicro?: bigint;
  /**
   * Asked when a person has to decide. Without it, and above `maxMicro`, the 402 is what the caller gets. A yes to a stream
   * is one to `offer.suggested.perPageMicro` in all.
   */
  readonly onAsk?: (offer: Offer, reason: ProblemCode) => boolean | Promise<boolean>;
  /** Budgets are kept by it. Default: the origin of each request. */
  readonly site?: string;
  /** How often one credential is sent before the outcome is given up as unknown. Default 4. */
  readonly tries?: number;
  /** `false`: pays single charges where a site offers them, as for pages that are read again. Default `true`. */
  readonly sessions?: boolean;
  /** Pays with money of these kinds alone, by method name. */
  readonly methods?: readonly string[];
  /** Sealed goods that were fetched whole and compared: see `Ask.goods`. */
  readonly goods?: string;
  /** Says with each request what this wallet pays with (`Accept-Payment`), so that sites offer that first. Default `false`. */
  readonly announce?: boolean;
  readonly onEvent?: (event: PayingEvent) => void;
  readonly onMeter?: (event: MeterEvent) => void;
  readonly sleep?: (ms: number) => Promise<void>;
};

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
const MOST_REDIRECTS = 10;

/**
 * Rejects like fetch; and with a `PaymentProblem` when the wallet could not pay (`broker-unreachable`, a limit of the
 * day) or when the outcome stayed unknown after all tries (`outcome-unknown`: `wallet.pending()` has the payment).
 */
export function payingFetch(fetch: Fetch, wallet: Wallet, options: PayingOptions = {}): Fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const body = await bodyOf(request);
    if (body === 'too-large') return fetch(request);
    return new Visit({ fetch, wallet, options, request, body }).run(MOST_REDIRECTS);
  };
}

/** A body that can be sent twice. Nothing is paid for one that is too large to be bound to a payment. */
async function bodyOf(request: Request): Promise<Uint8Array<ArrayBuffer> | undefined | 'too-large'> {
  if (!request.body) return undefined;
  const length = Number(request.headers.get('content-length') ?? 0);
  if (length > limits.digestBodyBytes) return 'too-large';
  const bytes = new Uint8Array(await request.clone().arrayBuffer());
  return bytes.length > limits.digestBodyBytes ? 'too-large' : bytes;
}

type Parts = {
  readonly fetch: Fetch;
  readonly wallet: Wallet;
  readonly options: PayingOptions;
  readonly request: Request;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
};

type Presented = { readonly response: Response; readonly settled: Settled };

/** One logical request: at most one payment succeeds for it. */
class Visit {
  readonly #parts: Parts;
  readonly #asked: Omit<Ask, 'challenges'>;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { request, body, options } = parts;
    const { url, method } = request;
    const digest = body && body.length > 0 ? { digest: bodyDigest(body, portableCrypto) } : {};
    const { site = new URL(url).origin, sessions, methods, goods } = options;
    const wishes = {
      ...(sessions === undefined ? {} : { sessions }),
      ...(methods ? { methods } : {}),
      ...(goods === undefined ? {} : { goods }),
    };
    this.#asked = { url, method, site, ...digest, ...wishes };
  }

  async run(redirects: number, mayReopen = true): Promise<Response> {
    const { wallet, request } = this.#parts;
    // What is kept for the next page may be money of another kind.
    const early =
      this.#ownLogin || this.#asked.methods || this.#asked.goods ? undefined : await wallet.preempt(this.#asked);
    if (early) {
      const { response, settled } = await this.#present(early, true);
      if (mayReopen && isOver(response, settled)) return this.#reopen(response, redirects);
      const again = response.status === 402 && settled.outcome === 'not_charged';
      return again ? this.#answer(response, redirects, mayReopen) : this.#paid(early, { response, settled }, redirects);
    }
    const response = await this.#send(undefined, request.redirect);
    if (response.status !== 402) return response;
    const asked = request.url.split('#')[0];
    // A challenge that came after a redirect: its page has to be asked for by itself.
    if (response.redirected && response.url !== asked) return this.#elsewhere(response, redirects);
    return this.#answer(response, redirects, mayReopen);
  }

  /** The site has ended the session meanwhile: another is opened, once. */
  async #reopen(response: Response, redirects: number): Promise<Response> {
    await response.body?.cancel();
    return this.run(redirects, false);
  }

  /** Pays within the origin that was asked; what another origin asks for is the caller's to see. */
  async #elsewhere(response: Response, redirects: number): Promise<Response> {
    const { request } = this.#parts;
    const safe = request.method === 'GET' || request.method === 'HEAD';
    if (!safe || redirects === 0 || new URL(response.url).origin !== new URL(request.url).origin) return response;
    return this.#at(response.url).#answer(response, redirects - 1);
  }

  #at(url: string, method = this.#parts.request.method): Visit {
    const { request, ...parts } = this.#parts;
    const next = new Request(url, {
      method,
      headers: request.headers,
      signal: request.signal,
      redirect: request.redirect,
    });
    return new Visit({ ...parts, request: next, body: undefined });
  }

  /** A 402: at most one payment, or the answer as it is. */
  async #answer(response: Response, redirects: number, mayReopen = true): Promise<Response> {
    const { wallet, options } = this.#parts;
    const ask: Ask = { ...this.#asked, challenges: challengesOf(response) };
    const decision = await wallet.decide(ask);
    options.onEvent?.({ kind: 'decided', decision });
    const payment = await this.#payment(ask, decision);
    if (!payment || (payment.header.name === 'Authorization' && this.#ownLogin)) {
      if (payment && !payment.repeat) await wallet.unsent(payment.id);
      return response;
    }
    await response.body?.cancel();
    const paid = await this.#present(payment, false);
    if (mayReopen && isOver(paid.response, paid.settled)) return this.#reopen(paid.response, redirects);
    const instead = await this.#instead(paid, payment, decision);
    return instead ? this.#paid(instead.payment, instead.paid, redirects) : this.#paid(payment, paid, redirects);
  }

  /** The site refused this kind of money and took nothing: another that it offers is tried, once, for no more. */
  async #instead(
    { response, settled }: Presented,
    refused: Payment,
    approved: Decision,
  ): Promise<{ payment: Payment; paid: Presented } | undefined> {
    if (response.status !== 402 || settled.outcome !== 'not_charged' || approved.kind === 'again') return undefined;
    const { wallet, options } = this.#parts;
    const ask: Ask = { ...this.#asked, challenges: challengesOf(response) };
    const decision = await wallet.decide(ask);
    if (decision.kind !== 'pay' && decision.kind !== 'ask') return undefined;
    const { offer } = decision;
    const isSame = offer.method === settled.record.method || offer.stream === true;
    const asked = options.maxMicro === undefined ? 'person' : 'flag';
    const by = approved.kind === 'pay' ? 'rule' : asked;
    const mayBeTwo = decision.kind === 'ask' && (by === 'rule' || decision.refused === true);
    if (isSame || offer.amountMicro > refused.amountMicro || mayBeTwo) return undefined;
    options.onEvent?.({ kind: 'decided', decision });
    const { challengeId, amountMicro: maxMicro } = offer;
    const payment = await wallet.pay(ask, { challengeId, maxMicro, by });
    await response.body?.cancel();
    return { payment, paid: await this.#present(payment, false) };
  }

  /** What the caller gets for a payment; a stream is paid on while its body is read. */
  async #paid(payment: Payment, { response, settled }: Presented, redirects: number): Promise<Response> {
    const shown = await this.#finish(response, redirects);
    if (!payment.stream || settled.outcome !== 'paid' || shown !== response || !response.ok) return shown;
    const { fetch, wallet, options } = this.#parts;
    const { onMeter, sleep, onEvent } = options;
    const host = { ...(onMeter ? { onMeter } : {}), ...(sleep ? { sleep } : {}) };
    const running = metered(response, { fetch, wallet, payment, ...host });
    onEvent?.({ kind: 'stream', payment, meter: running.meter });
    return running.response;
  }

  async #payment(ask: Ask, decision: Decision): Promise<Payment | undefined> {
    const { wallet, options } = this.#parts;
    const { maxMicro, onAsk } = options;
    if (decision.kind === 'again') return decision.payment;
    if (decision.kind === 'refuse') return undefined;
    const { offer } = decision;
    const { challengeId, amountMicro, stream, suggested } = offer;
    if (maxMicro !== undefined && amountMicro > maxMicro) return undefined;
    const yes = (by: Approval['by'], most: bigint) =>
      wallet.pay(ask, { challengeId, by, maxMicro: stream ? most : amountMicro });
    if (maxMicro !== undefined && (stream || decision.kind === 'ask')) return yes('flag', maxMicro);
    if (decision.kind === 'pay') return yes('rule', amountMicro);
    return (await onAsk?.(offer, decision.reason)) ? yes('person', suggested.perPageMicro) : undefined;
  }

  get #ownLogin(): boolean {
    return this.#parts.request.headers.has('authorization');
  }

  /** Sends one credential until its outcome is known, always the same one. */
  async #present(payment: Payment, preempted: boolean): Promise<Presented> {
    const { wallet, options, request } = this.#parts;
    const { tries = 4, onEvent } = options;
    let pause = FIRST_PAUSE_MS;
    let last: unknown;
    onEvent?.({ kind: 'sent', payment, preempted });
    for (let left = tries; left > 0; left--) {
      let response: Response;
      try {
        response = await this.#send(payment, 'manual');
      } catch (error) {
        last = error;
        await wallet.settle(payment.id, { status: 0 });
        if (request.signal.aborted) throw error;
        if (left > 1) await this.#sleep(pause);
        pause *= 2;
        continue;
      }
      const answer = await siteAnswer(response);
      const settled = await this.#resolved(await wallet.settle(payment.id, answer), answer);
      const retry = settled.outcome === 'unknown' && response.status >= 500;
      if (!retry || left === 1) {
        onEvent?.({ kind: 'settled', settled });
        return { response, settled };
      }
      const wait = Number(response.headers.get('retry-after') ?? Number.NaN) * 1000;
      await response.body?.cancel();
      await this.#sleep(Number.isFinite(wait) ? wait : pause);
      pause *= 2;
    }
    throw Object.assign(
      new PaymentProblem('outcome-unknown', { consumed: 'unknown', detail: `payment ${payment.id} stays set aside` }),
      { cause: last },
    );
  }

  /**
   * An answer that says nothing of the money, such as a page that was free or missing, or that is not taken at its word: the
   * site's release tells.
   */
  async #resolved(settled: Settled, answer: SiteAnswer): Promise<Settled> {
    const { status } = answer;
    const refused = status === 402 && isSpared(answer);
    const silent = answer.receipt === undefined && status >= 200 && status < 500 && status !== 402;
    if (settled.outcome !== 'unknown' || !(silent || refused)) return settled;
    try {
      return await this.#parts.wallet.resolve(settled.record.id);
    } catch (error) {
      if (!(error instanceof PaymentProblem)) throw error;
      return settled;
    }
  }

  #sleep(ms: number): Promise<void> {
    const { sleep = (wait: number) => new Promise<void>((done) => setTimeout(done, wait)) } = this.#parts.options;
    return sleep(Math.min(Math.max(ms, 0), LONGEST_PAUSE_MS));
  }

  async #send(payment: Payment | undefined, redirect: RequestRedirect): Promise<Response> {
    const { fetch, request, body, wallet, options } = this.#parts;
    const headers = new Headers(request.headers);
    const methods = options.methods ? { methods: options.methods } : {};
    const accepted = options.announce === true ? await wallet.acceptPayment(methods) : undefined;
    if (accepted !== undefined) headers.set('accept-payment', accepted);
    if (payment) headers.set(payment.header.name, payment.header.value);
    const url = payment?.url ?? request.url;
    return fetch(new Request(url, { ...keep(request), headers, redirect, ...(body ? { body } : {}) }));
  }

  /** Follows a redirect of a paid answer as a new request, without the credential. */
  async #finish(response: Response, redirects: number): Promise<Response> {
    const { request } = this.#parts;
    const location = response.headers.get('location');
    const moved = response.status >= 300 && response.status < 400 && response.status !== 304 && location !== null;
    if (!moved || request.redirect === 'manual') return response;
    if (request.redirect === 'error' || redirects === 0) throw new TypeError('a redirect was not expected');
    const target = new URL(location, request.url);
    const keepsMethod = request.method === 'GET' || request.method === 'HEAD';
    if (!keepsMethod && (response.status === 307 || response.status === 308)) return response;
    await response.body?.cancel();
    const next = this.#at(target.href, keepsMethod ? request.method : 'GET');
    if (target.origin === new URL(request.url).origin) return next.run(redirects - 1);
    // Another origin gets neither the credential nor what the caller meant for the first.
    next.#parts.request.headers.delete('authorization');
    next.#parts.request.headers.delete('cookie');
    return next.run(redirects - 1);
  }
}

const isOver = ({ status }: Response, { outcome }: Settled): boolean => status === 410 && outcome === 'not_charged';

function keep(request: Request): RequestInit {
  const { method, signal, credentials, cache, integrity, referrerPolicy } = request;
  return { method, signal, credentials, cache, integrity, referrerPolicy };
}
