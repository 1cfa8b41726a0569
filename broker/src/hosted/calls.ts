// What the page of hosted wallets asks its own server: one table, each row decoded strictly. All of it belongs to this page; the
// broker's API for wallets and sites is elsewhere.
import {
  amt,
  boundedText,
  cur,
  decode,
  h32,
  id16,
  type JsonObject,
  levelSchema,
  PaymentProblem,
  seconds,
  vnd,
} from '@farthing/protocol';
import * as v from 'valibot';
import type { Session } from './book.ts';
import { assertionSchema, registrationSchema } from './passkeys.ts';
import { type Language, texts } from './texts.ts';
import type { Entered, Wallets } from './wallets.ts';

export type Visitor = { readonly session: Session | undefined; readonly language: Language };

/** `enter`: signed in from now on; `leave`: no more. */
export type Reply = { readonly json: object; readonly enter?: Session; readonly leave?: true };

type Call = (json: unknown, wallets: Wallets, visitor: Visitor) => Promise<Reply>;

function call<Schema extends v.GenericSchema>(
  schema: Schema,
  run: (body: v.InferOutput<Schema>, wallets: Wallets, visitor: Visitor) => Promise<Reply>,
): Call {
  return (json, wallets, visitor) => run(decode(schema, json, 'request-malformed'), wallets, visitor);
}

const nothing = v.strictObject({});
const captures = v.pipe(v.array(v.picklist(['now', 'deferred', 'aggregated'])), v.minLength(1), v.maxLength(3));

const bill = v.strictObject({
  epoid: h32,
  vnd,
  amount: amt,
  cur,
  captures,
  minLevel: levelSchema,
  exp: seconds,
});

/** @throws {PaymentProblem} `sign-in-needed` */
function needSession({ session }: Visitor): Session {
  if (!session) throw new PaymentProblem('sign-in-needed');
  return session;
}

async function stateOf(wallets: Wallets, { account, level }: Session, currency: 'usd-micro' | 'eur-micro') {
  const { balance, lines } = await wallets.purse.look(account, currency);
  const past = lines.map(({ at, amount, ref }) => ({ at, amount, ref }));
  const passkeys = wallets.kit.book.passkeys(account).map(({ id, madeMs }) => ({ id, at: Math.floor(madeMs / 1000) }));
  return { level, balance: balance.toString(), cur: currency, passkeys, past };
}

const entered = ({ account, level, code }: Entered): Reply => ({
  json: code === undefined ? {} : { code },
  enter: { account, level },
});

const told = async (json: object | Promise<object>): Promise<Reply> => ({ json: await json });

export const calls: ReadonlyMap<string, Call> = new Map(
  Object.entries({
    state: call(v.strictObject({ cur }), async (asked, wallets, { session }) =>
      told(session ? stateOf(wallets, session, asked.cur) : {}),
    ),
    'sign-up': call(nothing, (_, wallets) => told(wallets.offerNew())),
    'add-passkey': call(nothing, (_, wallets, visitor) => told(wallets.offerMore(needSession(visitor)))),
    recover: call(v.strictObject({ code: boundedText(64) }), ({ code }, wallets) => told(wallets.offerRecovered(code))),
    register: call(v.strictObject({ response: registrationSchema }), async ({ response }, wallets, { session }) =>
      entered(await wallets.register(response, session)),
    ),
    'sign-in': call(nothing, (_, wallets) => told(wallets.offerSignIn())),
    enter: call(v.strictObject({ response: assertionSchema }), async ({ response }, wallets) =>
      entered(await wallets.signIn(response)),
    ),
    password: call(
      v.strictObject({ contact: v.pipe(boundedText(128), v.minLength(3)), password: boundedText(1024) }),
      async (typed, wallets, { language }) => {
        const { settings } = wallets.kit;
        const { ticket, sent } = await wallets.passwords.ask(typed, (code) =>
          texts[language].codeIs(code, settings.name),
        );
        // What a test broker sends is play: it is shown where it is asked for.
        return { json: { ticket, ...(settings.test && sent ? { inbox: sent.text } : {}) } };
      },
    ),
    code: call(
      v.strictObject({ ticket: id16, code: v.pipe(v.string(), v.regex(/^[0-9]{6}$/, 'six digits')) }),
      async ({ ticket, code }, wallets) => entered(await wallets.confirm(ticket, code)),
    ),
    'remove-passkey': call(v.strictObject({ id: boundedText(1364) }), async ({ id }, wallets, visitor) => {
      await wallets.removePasskey(needSession(visitor), id);
      return { json: {} };
    }),
    'sign-out': call(nothing, async () => ({ json: {}, leave: true as const })),
    faucet: call(v.strictObject({ cur, amount: amt }), ({ cur: currency, amount }, wallets, visitor) =>
      told(order(wallets, visitor, 'faucet/1', { path: '/v1/faucet', cur: currency, amount: amount.toString() })),
    ),
    voucher: call(v.strictObject({ code: boundedText(64) }), ({ code }, wallets, visitor) =>
      told(order(wallets, visitor, 'voucher/1', { path: '/v1/voucher', code })),
    ),
    prepare: call(bill, ({ captures: offered, minLevel, ...asked }, wallets, visitor) => {
      // The site asks the broker before it delivers, where it lets people choose.
      const capture = offered.includes('now') ? 'now' : offered.includes('deferred') ? 'deferred' : 'aggregated';
      return told(wallets.prepare(needSession(visitor), { ...asked, capture }, minLevel));
    }),
    approve: call(
      v.strictObject({ pay: h32, response: v.exactOptional(assertionSchema) }),
      ({ pay, response }, wallets, visitor) => told(wallets.approve(needSession(visitor), pay, response)),
    ),
  }),
);

const order = (wallets: Wallets, visitor: Visitor, typ: string, members: JsonObject & { path: string }) =>
  wallets.purse.order(needSession(visitor).account, typ, members);
