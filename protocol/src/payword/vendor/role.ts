// The vendor's side of PayWord: what a site offers, what each action of a session needs, and metering of streams.
// Signatures are checked here; indices, words and money on the session's row (session.ts).
import type { Env } from '../../core/crypto.ts';
import { decode } from '../../core/decode.ts';
import type { JsonObject } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type {
  Price,
  SessionRole,
  SessionStep,
  VendorEnv,
  VendorRole,
  Verified,
  VerifyInput,
} from '../../core/method.ts';
import { closeAction, deedId, openingSchema, readTick } from '../wire.ts';
import { close, closingOf } from './closing.ts';
import type { PaywordKeys } from './keys.ts';
import { leave, meter } from './metering.ts';
import { checkOpening } from './opening.ts';
import { endOfRow, rowKey } from './outcome.ts';
import { type Context, foreignCurrency, fresh, known, open, take, undo } from './paying.ts';
import { readRow, type Shown, toRow, totals } from './session.ts';
import { withoutLost } from './streams.ts';

export type { PaywordKeys } from './keys.ts';

export const paywordVendor: VendorRole<PaywordKeys> = {
  method: 'payword',
  intents: ['session', 'charge'],
  details,
  verify,
  services: {},
  sessions: {
    identify,
    undo,
    meter,
    leave,
    stop: (row) => toRow({ ...readRow(row), state: 'stopped' }),
    close,
    view: (row, { nowMs }) => {
      const state = withoutLost(readRow(row), nowMs);
      return {
        ...totals(state),
        currency: state.cur,
        final: state.state === 'final',
        idleAtMs: state.seenMs + state.idleMs,
        running: state.streams !== undefined,
        untilMs: endOfRow(state),
      };
    },
  },
};

function details(keys: PaywordKeys, price: Price): JsonObject | undefined {
  if (keys.brokers.length === 0 || !keys.currencies.includes(price.currency)) return undefined;
  const { units = 1 } = price;
  const double = keys.fundings.includes('prepaid') ? ['double-locked'] : [];
  const segments = keys.fundings.includes('credit') ? ['segments'] : [];
  return {
    api: keys.api,
    brokers: keys.brokers.map(({ id, url }) => ({ id, url })),
    fundings: [...keys.fundings],
    splits: ['none', ...double, ...segments],
    auths: keys.brokers.some(({ key }) => key) ? ['ed25519', 'hmac'] : ['ed25519'],
    maxStep: keys.maxStep,
    idle: Math.floor(keys.idleMs / 1000),
    ...(keys.pollMicro === undefined ? {} : { poll: keys.pollMicro.toString() }),
    ...(units === 1 ? {} : { units }),
  };
}

function identify(payload: JsonObject, { crypto }: Env): ReturnType<SessionRole<PaywordKeys>['identify']> {
  const code = 'index-used';
  if (payload['action'] === 'close') {
    const { session } = decode(closeAction, payload, 'payload-invalid');
    return { id: `${rowKey(session)}:close`, key: rowKey(session), code: 'session-final' };
  }
  if (payload['action'] === 'pay') {
    const { session, a, i } = readTick(payload);
    return { id: `${rowKey(session)}:${a}:${i}`, key: rowKey(session), code };
  }
  if (payload['action'] !== 'open' && payload['action'] !== 'topup') return undefined;
  const opening = decode(openingSchema, payload, 'payload-invalid');
  const deed = deedId(opening, crypto);
  const a = 'a' in opening && opening.commitment.chains ? opening.a : 0;
  const session = opening.action === 'open' ? deed : opening.session;
  return { id: `${rowKey(deed)}:${a}:${opening.i}`, key: rowKey(session), code };
}

// ── payments ────────────────────────────────────────────────────────────────────────────────────────────────────────

const NO_CHANCE = new Uint8Array(6);

function verify({ challenge, payload, price }: VerifyInput, keys: PaywordKeys, env: VendorEnv): Verified {
  const units = challenge.intent === 'session' ? (price.units ?? 1) : 1;
  if (!Number.isSafeInteger(units) || units < 0 || units > limits.sessionUnits) {
    throw new RangeError(`units: expected 0…${limits.sessionUnits}`);
  }
  const { amount, currency } = price;
  const cost = amount * BigInt(units);
  const chance = keys.pollMicro === undefined ? NO_CHANCE : env.random(6);
  const context: Context = { intent: challenge.intent, units, cost, currency, chance, keys, env };
  const alone = challenge.intent === 'charge' ? [{ key: `payword-challenge:${challenge.id}` }] : [];
  const untilMs = env.nowMs + limits.certLifeMs;
  const session = actionOf(payload, context);
  return {
    spends: alone.map((spend) => ({ ...spend, untilMs, code: 'challenge-reused' })),
    tallies: [],
    claims: [],
    untilMs,
    reference: '',
    details: {},
    session,
  };
}

/** @throws {PaymentProblem} what is wrong whatever the session */
function actionOf(payload: JsonObject, context: Context): SessionStep {
  const { keys, env } = context;
  switch (payload['action']) {
    case 'close': {
      const { session } = decode(closeAction, payload, 'payload-invalid');
      return { key: rowKey(session), step: (seen) => closingOf(known(seen, session), context.intent, keys, env) };
    }
    case 'pay': {
      const tick = readTick(payload);
      const { a, i } = tick;
      const shown: Shown = 'x' in tick ? { a, i, kind: 'x', word: tick.x } : { a, i, kind: 'payword', word: tick.w };
      return { key: rowKey(tick.session), step: (seen) => take(known(seen, tick.session), shown, context) };
    }
    default: {
      const opening = decode(openingSchema, payload, 'payload-invalid');
      const opened = checkOpening(opening, keys, env);
      if (opened.cur !== context.currency) throw foreignCurrency();
      if (opening.action === 'open') {
        const begin = fresh(opened, keys, env.nowMs);
        return {
          key: rowKey(opened.deed.id),
          step: (seen) => open(seen === undefined ? begin : readRow(seen), opened, context),
        };
      }
      return { key: rowKey(opening.session), step: (seen) => open(known(seen, opening.session), opened, context) };
    }
  }
}
