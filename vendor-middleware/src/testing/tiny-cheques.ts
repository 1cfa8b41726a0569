// The tiny broker's cheques for the tests of this package: real rules of the protocol on rows in maps, one account with money.
import { nodeEnv } from '@farthing/node-kit';
import {
  type DayCert,
  decode,
  type JsonObject,
  type Order,
  objectHash,
  PaymentProblem,
  type ProblemCode,
  signObject,
  toBase64url,
} from '@farthing/protocol';
import {
  chequeAuthorizeOrder,
  chequeCaptureOrder,
  chequeRedeemOrder,
  chequeRefundOrder,
  chequeSettleOrder,
  cheque as rules,
} from '@farthing/protocol/broker';
import type { TinyBroker } from './tiny-broker.ts';

type Customer = { readonly cert: DayCert; readonly seed: Uint8Array };
type Row = rules.ChequeRow & { readonly cheque: Parameters<typeof rules.end>[1] };

/** Answers /v1/cheque of a tiny broker, whose root key has `seed`. */
export function tinyCheques(broker: TinyBroker) {
  const { crypto } = nodeEnv();
  const issuer = { brk: broker.brk, root: toBase64url(crypto.publicKey(broker.seed)), seed: broker.seed };
  const certs = new Map<string, DayCert>();
  const rows = new Map<string, Row>();
  const paid = new Map<string, bigint>();
  const refunded = new Map<string, bigint>();
  /** Of each kind of order, by its type. */
  const asked: Record<string, JsonObject[]> = {};
  /** Set by tests: why nothing is allowed now, up to where sites may go, and whether keys count as wrong. */
  const mood: { refuse?: ProblemCode; limit: bigint; keyIsWrong?: boolean } = { limit: 0n };
  let last = '';

  const note = (order: Order) => {
    asked[order['typ'] as string] ??= [];
    asked[order['typ'] as string]?.push(order);
  };
  const vendorOf = (order: Order): string => {
    const vendor = [...broker.vendors].find(([, { pk }]) => pk === order.from);
    if (!vendor) throw new PaymentProblem('vendor-unknown');
    return vendor[0];
  };
  const nameOf = (sub: string, exp: number) => `${sub} ${exp}`;
  const holderOf = (sub: string, exp: number) => {
    const cert = certs.get(nameOf(sub, exp));
    return cert && { cert, account: `user:${sub}` };
  };
  const credit = (key: string, amount: string) => paid.set(key, BigInt(amount));

  const routes: Record<string, (order: Order) => JsonObject> = {
    '/v1/cheque/capture'(order) {
      const { cheque, cert, key, hold } = decode(chequeCaptureOrder, order, 'request-malformed');
      const vnd = vendorOf(order);
      const name = `${vnd} ${cheque.epoid}`;
      const holder = holderOf(cheque.sub, cert.exp);
      const books = { vnd, issuer, holder, known: rows.get(name), allow: () => mood.refuse };
      const shown = mood.keyIsWrong ? toBase64url(new Uint8Array(32)) : key;
      const presented = { cheque, cert, hold, ...(shown === undefined ? {} : { key: shown }) };
      const { row } = rules.decide(presented, books, nodeEnv());
      rows.set(name, { ...row, cheque });
      if (row.receipt.result === 'paid') credit(name, cheque.amount);
      const until = row.receipt.result === 'held' ? { until: Math.floor(nodeEnv().nowMs / 1000) + 86_400 } : {};
      return { receipt: { ...row.receipt }, ...until };
    },
    '/v1/cheque/settle'(order) {
      const { vnd, capture, void: free, cur } = decode(chequeSettleOrder, order, 'request-malformed');
      const done = { paid: [] as string[], freed: [] as string[], gone: [] as string[] };
      for (const [epoid, verdict] of [
        ...capture.map((one) => [one, 'capture'] as const),
        ...free.map((one) => [one, 'void'] as const),
      ]) {
        const name = `${vnd} ${epoid}`;
        const row = rows.get(name);
        const wanted = verdict === 'capture' ? 'paid' : 'refused';
        if (!row || !['held', wanted].includes(row.receipt.result)) done.gone.push(epoid);
        else {
          const ended = rules.end(row, row.cheque, { verdict }, { issuer, env: nodeEnv() });
          rows.set(name, { ...ended.row, cheque: row.cheque });
          if (verdict === 'capture') credit(name, row.receipt.amount);
          done[verdict === 'capture' ? 'paid' : 'freed'].push(epoid);
        }
      }
      return { ...done, balance: '0', cur };
    },
    '/v1/cheque/authorize'(order) {
      const { sub, certExp, spent, amount } = decode(chequeAuthorizeOrder, order, 'request-malformed');
      const holder = holderOf(sub, certExp);
      if (!holder) throw new PaymentProblem('cert-forged');
      if (mood.refuse) throw new PaymentProblem(mood.refuse);
      if (spent + amount > mood.limit) throw new PaymentProblem('limit-reached');
      return { limit: mood.limit.toString() };
    },
    '/v1/cheque/redeem'(order) {
      const { vnd, prev, claims } = decode(chequeRedeemOrder, order, 'request-malformed');
      if (prev !== last) throw new PaymentProblem('batch-conflict', { members: { prev: last } });
      const cheques = claims.map(({ cheque, certExp }) => {
        const name = `${vnd} ${cheque.epoid}`;
        const holder = holderOf(cheque.sub, certExp);
        try {
          const books = { vnd, issuer, holder, known: rows.get(name), allow: () => undefined };
          const cert = holder?.cert;
          if (!cert) throw new PaymentProblem('cert-forged');
          const { row, isNew } = rules.decide({ cheque, cert, hold: false }, books, nodeEnv());
          rows.set(name, { ...row, cheque });
          credit(name, cheque.amount);
          return { epoid: cheque.epoid, credited: isNew ? cheque.amount : '0' };
        } catch (error) {
          if (!(error instanceof PaymentProblem)) throw error;
          return { epoid: cheque.epoid, credited: '0', alarm: error.code };
        }
      });
      last = objectHash(order, crypto);
      const credited = cheques.reduce((sum, one) => sum + BigInt(one.credited), 0n).toString();
      const unsigned = {
        typ: 'redemption/1',
        brk: broker.brk,
        vnd,
        batch: last,
        prev,
        credited,
        fee: '0',
        at: order.at,
      };
      const redemption = { ...unsigned, sig: signObject(unsigned, broker.seed, crypto) };
      return { redemption, cheques, balance: '0', cur: 'usd-micro' };
    },
    '/v1/cheque/refund'(order) {
      const { vnd, epoid, amount } = decode(chequeRefundOrder, order, 'request-malformed');
      const name = `${vnd} ${epoid}`;
      if (!rows.has(name)) throw new PaymentProblem('cheque-unknown');
      const sum = (refunded.get(name) ?? 0n) + amount;
      if (sum > (paid.get(name) ?? 0n)) throw new PaymentProblem('refund-over');
      refunded.set(name, sum);
      return { refunded: sum.toString(), balance: '0', cur: 'usd-micro' };
    },
  };
  for (const [path, run] of Object.entries(routes)) {
    broker.routes[path] = (order) => {
      note(order);
      return run(order);
    };
  }

  return {
    mood,
    rows,
    asked,
    refunded,
    /** How many orders of a type came. */
    count: (typ: string) => asked[typ]?.length ?? 0,
    /** What sites were paid in all. */
    total: () => [...paid.values()].reduce((sum, amount) => sum + amount, 0n),
    /** As if it had never issued this certificate. */
    forget: ({ cert }: Customer) => certs.delete(nameOf(cert.sub, cert.exp)),
    /** A customer with a day key for a site. */
    customer(vnd: string, more: Partial<DayCert> = {}): Customer {
      const seed = nodeEnv().random(32);
      const now = Math.floor(nodeEnv().nowMs / 1000);
      const { sig: _, ...over } = more;
      const unsigned = {
        ...{
          typ: 'daycert/1' as const,
          brk: broker.brk,
          use: 'cheque' as const,
          pk: toBase64url(crypto.publicKey(seed)),
        },
        ...{ sub: toBase64url(nodeEnv().random(16)), vnd: vnd as DayCert['vnd'], cur: 'usd-micro' as const },
        ...{ limit: '10000', perDay: '100000', level: 2 as const, nbf: now - 60, exp: now + 86_400 },
        ...over,
      };
      const cert = { ...unsigned, sig: signObject(unsigned, broker.seed, crypto) };
      certs.set(nameOf(cert.sub, cert.exp), cert);
      return { cert, seed };
    },
  };
}
