// Any member of a good payment by cheque, changed in any way: none is taken, and nothing but a problem comes out.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase64url } from '../../core/bytes.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import type { VendorEnv } from '../../core/method.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { contentKey, keyCommitment } from '../../core/sealed.ts';
import { CUR, certOf, challengeFor, day, env, now, root, VND } from '../fixture.ts';
import { type Cheque, signCheque } from '../wire.ts';
import type { ChequeKeys } from './keys.ts';
import { chequeVendor } from './role.ts';

const keys: ChequeKeys = {
  ...{ vnd: VND, api: '/farthing', currencies: [CUR], captures: ['now', 'deferred', 'aggregated'] },
  brokers: [{ id: 'b1', url: 'https://b.example', root: root.pk }],
  ...{ offlineMax: 8000n, minLevel: 0 },
};
const price = { amount: 3000n, currency: CUR };
const challenge = challengeFor(price.amount);
const goodsKey = contentKey(new Uint8Array(32).fill(9), { item: 'map', pt: root.pk });
const goods = { ct: day.pk, kc: keyCommitment(goodsKey), pt: root.pk };
const host: VendorEnv = { ...env, serial: 1n, asksBroker: true };

const paid = (more: Partial<Cheque>): JsonObject => {
  const cert = certOf();
  const unsigned = {
    ...{ typ: 'cheque/1' as const, epoid: challenge.id, brk: 'b1', sub: cert.sub, vnd: VND as Cheque['vnd'] },
    ...{ amount: '3000', cur: CUR, capture: 'deferred' as const, exp: now + 300 },
    ...more,
  };
  return { cheque: { ...signCheque(unsigned, day.seed, env.crypto) }, cert: { ...cert } };
};

const good = [
  { payload: paid({}), priced: price, key: {} },
  { payload: paid({ capture: 'now' }), priced: price, key: {} },
  { payload: paid({ capture: 'now', goods }), priced: { ...price, goods }, key: { key: toBase64url(goodsKey) } },
];
type Paid = (typeof good)[number];

const verify = ({ payload, priced, key }: Paid) =>
  chequeVendor.verify({ challenge, payload, price: priced, target: 'GET /a', digest: '', ...key }, keys, host);

/** Every place of a JSON value, as the path to it. */
function places(value: Json, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [
    ...(path.length > 0 ? [path] : []),
    ...Object.entries(value).flatMap(([name, one]) => places(one, [...path, name])),
  ];
}

function changed(value: Json, [name, ...rest]: readonly string[], put: Json | undefined): Json {
  if (name === undefined) return value;
  const copy: Record<string, Json> = { ...(value as JsonObject) };
  const next = rest.length > 0 ? changed(copy[name] ?? null, rest, put) : put;
  if (next === undefined) delete copy[name];
  else copy[name] = next;
  return copy;
}

const at = (value: Json, path: readonly string[]): Json | undefined =>
  path.reduce<Json | undefined>((seen, name) => (seen as JsonObject | undefined)?.[name], value);

/** One character of a text replaced, one added, or one taken away. */
const edited = (text: string, where: number, letter: string): string[] => {
  const place = where % Math.max(1, text.length);
  return [
    text.slice(0, place) + letter + text.slice(place + 1),
    text.slice(0, place) + letter + text.slice(place),
    text.slice(0, place) + text.slice(place + 1),
  ];
};

describe.each(good.map((one) => [JSON.stringify(Object.keys(one.payload['cheque'] as object)), one] as const))(
  'A cheque with %s',
  (_, one) => {
    it('is taken as it is', () => {
      expect(() => verify(one)).not.toThrow();
    });

    it('is refused with any member left out, replaced, or edited by a character', () => {
      const all = places(one.payload);
      const anything: fc.Arbitrary<Json> = fc.jsonValue({ maxDepth: 2 }).map((value) => value as Json);
      fc.assert(
        fc.property(
          fc.constantFrom(...all),
          fc.nat(),
          fc.base64String({ minLength: 4, maxLength: 4 }),
          anything,
          (path, where, text, value) => {
            const before = at(one.payload, path);
            const puts: (Json | undefined)[] = [undefined, value];
            if (typeof before === 'string') puts.push(...edited(before, where, text.charAt(0)));
            if (typeof before === 'number') puts.push(before + 1, before - 1, -before, String(before));
            for (const put of puts) {
              if (JSON.stringify(put) === JSON.stringify(before)) continue;
              const payload = changed(one.payload, path, put) as JsonObject;
              let thrown: unknown;
              try {
                verify({ ...one, payload });
              } catch (error) {
                thrown = error;
              }
              expect(thrown, `${path.join('.')}: ${JSON.stringify(put)}`).toBeInstanceOf(PaymentProblem);
            }
          },
        ),
        { numRuns: 300 },
      );
    });
  },
);
