// The money of one hosted wallet: the same signed orders that any wallet sends, and a cheque for one payment.
import type { GroupCommit } from '@farthing/node-kit';
import {
  type Currency,
  type DayCert,
  decode,
  type Env,
  type JsonObject,
  limits,
  makeOrder,
  statementResult,
  toBase64url,
} from '@farthing/protocol';
import { asJson, type Cheque, chequeCertsResult, chequeHash, signCheque } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import type { Book, SessionLevel } from './book.ts';
import type { HostedKeys } from './keys.ts';

/** Signed orders in, what the broker answers out. @throws {PaymentProblem} its refusal */
export type Ask = (path: string, order: JsonObject) => Promise<JsonObject>;

type Statement = v.InferOutput<typeof statementResult>;

/** Movements that are shown, and that one statement is asked for. */
const SHOWN = 10;
const PAGE = 100;

export type PurseParts = {
  readonly book: Book;
  readonly group: GroupCommit;
  readonly keys: HostedKeys;
  readonly ask: Ask;
  readonly env: () => Env;
  /** Base units that one day may cost at each level. */
  readonly perDay: (level: SessionLevel) => bigint;
};

/** What is to be paid, as its challenge says. */
export type Bill = {
  /** The challenge's id. */
  readonly epoid: string;
  readonly vnd: string;
  readonly amount: bigint;
  readonly cur: Currency;
  readonly capture: Cheque['capture'];
  /** Seconds since 1970. */
  readonly exp: number;
};

/** A cheque as it will be signed, and its hash: what a passkey signs is exactly that. */
export type Draft = { readonly unsigned: Omit<Cheque, 'sig'>; readonly hash: string; readonly cert: DayCert };

export class Purse {
  readonly #parts: PurseParts;

  constructor(parts: PurseParts) {
    this.#parts = parts;
  }

  /** @throws {PaymentProblem} what the broker says */
  order(account: string, typ: string, members: JsonObject & { path: string }): Promise<JsonObject> {
    const { keys, ask, env } = this.#parts;
    const { path, ...rest } = members;
    return ask(path, makeOrder(typ, rest, keys.account(account), env()));
  }

  /** Base units. @throws {PaymentProblem} what the broker says */
  async balance(account: string, cur: Currency): Promise<bigint> {
    return (await this.#statement(account, { cur, limit: 1 })).balance;
  }

  /**
   * Balance and last movements, newest first. Statements are read forwards: the book keeps where the last page begins.
   * @throws {PaymentProblem} what the broker says
   */
  async look(account: string, cur: Currency): Promise<Pick<Statement, 'balance' | 'lines'>> {
    const { book, group } = this.#parts;
    let after = book.pageAfter(account, cur);
    for (;;) {
      const { balance, lines } = await this.#statement(account, { cur, limit: PAGE, after });
      const next = lines.at(-SHOWN - 1);
      if (next && lines.length > PAGE / 2) await group.run(() => book.setPageAfter(account, cur, next.seq));
      if (!next || lines.length < PAGE) return { balance, lines: lines.slice(-SHOWN).toReversed() };
      after = next.seq;
    }
  }

  async #statement(account: string, members: JsonObject & { cur: Currency }): Promise<Statement> {
    return decode(
      statementResult,
      await this.order(account, 'statement/1', { path: '/v1/statement', ...members }),
      'unavailable',
    );
  }

  /** The same bill at the same level is the same cheque, so that a repeat is one payment. @throws {PaymentProblem} */
  async draft(account: string, level: SessionLevel, bill: Bill): Promise<Draft> {
    const { crypto } = this.#parts.env();
    const { epoid, vnd, amount, cur, capture, exp } = bill;
    const cert = await this.#cert({ account, vnd, cur, level }, exp);
    const unsigned = {
      typ: 'cheque/1' as const,
      ...{ epoid, brk: cert.brk, sub: cert.sub, vnd, amount: amount.toString(), cur, capture, exp },
    };
    return { unsigned, hash: chequeHash(unsigned, crypto), cert };
  }

  /** The payload of the credential. */
  sign(account: string, level: SessionLevel, { unsigned, cert }: Draft): JsonObject {
    const { vnd, cur } = unsigned;
    const seed = this.#parts.keys.day({ account, vnd, cur, level });
    const cheque = signCheque(unsigned, seed, this.#parts.env().crypto);
    return { cheque: asJson(cheque), cert: asJson(cert) };
  }

  /** Nothing is kept aside for it: a site asks for each payment, or for what it serves unasked. */
  async #cert(of: { account: string; vnd: string; cur: Currency; level: SessionLevel }, exp: number): Promise<DayCert> {
    const { book, keys, env, perDay } = this.#parts;
    const { crypto, nowMs } = env();
    const known = book.cert(of);
    if (known && known.exp > exp && known.exp * 1000 > nowMs + limits.challengeLifeMs) return known;
    const pk = toBase64url(crypto.publicKey(keys.day(of)));
    const { account, vnd, cur, level } = of;
    const said = await this.order(account, 'cheque-certs/1', {
      path: '/v1/cheque/certs',
      ...{ cur, level, keys: [{ vnd, pk, limit: '0', perDay: perDay(level).toString() }] },
    });
    const [cert] = decode(chequeCertsResult, said, 'unavailable').certs;
    if (!cert) throw new Error('a certificate was ordered, and none came');
    book.putCert(of, cert);
    return cert;
  }
}
