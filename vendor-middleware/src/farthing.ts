// Puts one site together: keys, store, broker, licences, and what the owner calls.

import { nodeEnv } from '@farthing/node-kit';
import { limits, parsePrice } from '@farthing/protocol';
import { chequeVendor, ecashVendor, paywordVendor, scripVendor } from '@farthing/protocol/vendor';
import { Approvals } from './approvals.ts';
import { Bells } from './bells.ts';
import { bindingSecrets } from './binding-secrets.ts';
import { Challenges } from './challenges.ts';
import {
  type Channel,
  chequeChannel,
  ecashChannel,
  heldChequesChannel,
  heldCoinsChannel,
  paywordChannel,
  scripChannel,
} from './channels.ts';
import { chequeKeys } from './cheques.ts';
import { Coins } from './coins.ts';
import { corsMiddleware } from './cors.ts';
import { Crashed } from './crashed.ts';
import { creditNotes, creditOf } from './credit-notes.ts';
import type { Farthing } from './farthing-api.ts';
import { Figures } from './figures.ts';
import { Flights } from './flights.ts';
import { Goods } from './goods/goods.ts';
import { openKeys } from './keys.ts';
import { Licences } from './licences.ts';
import { listener } from './listener.ts';
import { bindMethod } from './methods.ts';
import { checkFarthingOptions, denominationsOf, type FarthingOptions, goodsIn } from './options.ts';
import { makeOwner } from './owner.ts';
import { Payloads } from './payloads.ts';
import { Payword } from './payword.ts';
import { Questions } from './questions.ts';
import { Readiness } from './readiness.ts';
import { Redeemers } from './redeemers.ts';
import { refunder } from './refunds.ts';
import { Refused } from './refused.ts';
import { makeRoutes } from './routes.ts';
import { Serials } from './serials.ts';
import { type Problem, SetupError } from './setup-error.ts';
import type { Site } from './site.ts';
import { asSetupError, brokerUrl, knowBroker, nameOf, openStore, originsOf, register } from './startup.ts';
import type { VendorStore } from './store/port.ts';
import { startUpkeep } from './upkeep.ts';
import { makeSealed, makeStream, makeWall } from './wall.ts';

/**
 * Opens or makes the site in `options.data`; on first start registers it at the broker and grants its licence.
 * @throws {SetupError} the configuration or the broker is not as it must be; the message says what to change
 */
export async function farthing(options: FarthingOptions): Promise<Farthing> {
  checkFarthingOptions(options);
  const url = brokerUrl(options);
  const ring = openKeys(options.data);
  const secrets = bindingSecrets(options.secret, ring.binding);
  const store = openStore(options);
  const owner = makeOwner();
  try {
    return await assemble(options, { url, ring, secrets, store, owner });
  } catch (error) {
    owner.close();
    await store.close();
    throw error;
  }
}

type Opened = {
  url: string;
  ring: ReturnType<typeof openKeys>;
  secrets: ReturnType<typeof bindingSecrets>;
  store: ReturnType<typeof openStore>;
  owner: ReturnType<typeof makeOwner>;
};

async function assemble(options: FarthingOptions, { url, ring, secrets, store, owner }: Opened): Promise<Farthing> {
  const { env = nodeEnv, api = '/farthing', reservationMs = limits.reservationMs } = options;
  const { problems, tell } = listener(options);
  const { keys, isAway } = await knowBroker(url, store, env());
  const broker = { url, keys };
  const origins = originsOf(options, keys.test);
  const vnd = nameOf(options, origins, env().crypto.publicKey(ring.seed));
  const name = options.name ?? (options.origin === undefined ? vnd : new URL(options.origin).host);
  const licences = new Licences({ vnd, api, broker, ring, store, terms: termsOf(options), env });
  await licences.load();
  if (isAway) {
    if (licences.keys.licences.size === 0) {
      throw new SetupError(
        'broker-unreachable',
        `no broker answers at ${url}, and this site has no licence yet: start the broker`,
      );
    }
    tell({ code: 'broker-unreachable', message: `no broker answers at ${url}: selling goes on, claims are kept` });
  } else {
    const { invite } = options;
    await register(
      broker,
      { vnd, name, origins, ...(invite === undefined ? {} : { invite }) },
      { seed: ring.seed, env: env() },
    );
    await licences.renew().catch((cause: unknown) => {
      throw asSetupError(cause, 'the broker did not take the licence');
    });
  }
  const currencyOf = (root: string) => licences.keys.licences.get(root.slice(0, root.indexOf('.')))?.cur;
  const takes = new Set(options.methods ?? ['scrip']);
  const refused = new Refused(env);
  const payword = new Payword({ vnd, api, broker, ring, store, terms: options.payword ?? {}, refused, env });
  if (takes.has('payword')) await agree(payword, { isAway, tell });
  const denominations = denominationsOf(options.ecash);
  const { online = true } = options.ecash ?? {};
  const coins = takes.has('ecash')
    ? new Coins({ vnd, api, broker, ring, store, denominations, online, env, tell })
    : undefined;
  await coins?.start({ isAway });
  const cheques = chequeKeys({ vnd, api, broker, terms: options.cheque ?? {} });
  const methods = [
    ...(takes.has('scrip') ? [bindMethod(scripVendor, () => licences.keys)] : []),
    ...(takes.has('payword') ? [bindMethod(paywordVendor, () => payword.keys)] : []),
    ...(coins ? [bindMethod(ecashVendor, () => coins.keys)] : []),
    ...(takes.has('cheque') ? [bindMethod(chequeVendor, () => cheques)] : []),
  ];
  // What was earned before a method was turned off is claimed all the same.
  const channels = [scripChannel(currencyOf)];
  if (takes.has('payword') || (await owes(store, paywordChannel))) channels.push(paywordChannel);
  for (const channel of [ecashChannel(keys.brk), heldCoinsChannel(keys.brk)]) {
    if (coins || (await owes(store, channel))) channels.push(channel);
  }
  for (const channel of [chequeChannel(keys.brk), heldChequesChannel(keys.brk)]) {
    if (takes.has('cheque') || (await owes(store, channel))) channels.push(channel);
  }
  const figures = new Figures();
  const redeemer = new Redeemers({ store, vnd, seed: ring.seed, broker, env, tell, figures }, channels);
  coins?.watch((issuer) => {
    const added = redeemer.add(heldCoinsChannel(keys.brk, issuer));
    added.catch(() => tell({ code: 'claims-waiting', message: `coins of broker ${issuer} cannot be claimed yet` }));
  });
  const questions = new Questions({ store, seed: ring.seed, broker, refused, env, tell });
  const approvals = new Approvals({ seed: ring.seed, broker, env, tell });
  const upkeep = startUpkeep({ store, licences, coins, env, tell });
  const mounted = { routes: false, told: false };
  const flights = new Flights(store);
  const readiness = new Readiness({ store, redeemer, flights });
  figures.show({ claims: () => redeemer.waiting, open: () => flights.count });
  const site: Site = {
    vnd,
    name,
    api,
    broker: { id: keys.brk, url, name: keys.name, pay: keys.pay },
    origins,
    test: keys.test,
    secrets,
    challenges: new Challenges(secrets),
    quotaKey: ring.quota,
    methods,
    store,
    serials: new Serials(store),
    flights,
    readiness,
    figures,
    bells: new Bells(),
    meters: new Set(),
    questions,
    approvals,
    payloads: new Payloads(env),
    goods: new Goods({ vnd, api, ring, ...goodsIn(options) }),
    crashed: await Crashed.load(store),
    redeemer,
    owner,
    reservationMs,
    env,
    reload: upkeep.reload,
    tell,
    firstAsk: () => {
      if (mounted.told) return;
      mounted.told = true;
      if (mounted.routes) return;
      tell({
        code: 'routes-unmounted',
        message: `add app.use('${api}', pay.routes()): without it wallets cannot get money back`,
      });
    },
  };
  await redeemer.start();
  return {
    vnd,
    problems,
    wall: (wallOptions) => makeWall(site, wallOptions),
    stream: (streamOptions, source) => makeStream(site, streamOptions, source),
    sealed: (sealedOptions, source) => makeSealed(site, sealedOptions, source),
    routes: () => {
      mounted.routes = true;
      return makeRoutes(site);
    },
    cors: (option = true) => corsMiddleware(option),
    ready: () => readiness.ready(),
    redeemNow: (onProgress) => redeemer.redeemNow(onProgress),
    refund: refunder({ store, vnd, seed: ring.seed, broker, env }),
    creditNotes: (currency = 'usd-micro') => creditNotes({ vnd, seed: ring.seed, broker, env }, currency),
    creditOf: (payment) => creditOf({ vnd, seed: ring.seed, broker, env }, payment),
    renewNow: async () => {
      await coins?.renew();
      await licences.renew();
    },
    close: async () => {
      upkeep.stop();
      coins?.close();
      // Streams end here: what they delivered is claimed, and the rest is given back.
      const left = Promise.allSettled([...site.meters].map((meter) => meter.leave()));
      await readiness.drain();
      await left;
      await approvals.close();
      await redeemer.close();
      await questions.close();
      figures.close();
      owner.close();
      await store.close();
    },
  };
}

/** Without the broker's word PayWord works on what it signed; the key is offered again at the next start. */
async function agree(
  payword: Payword,
  { isAway, tell }: { isAway: boolean; tell: (problem: Problem) => void },
): Promise<void> {
  await payword.load();
  if (isAway) return;
  await payword.share().catch((error: unknown) => {
    const message = error instanceof Error ? error.message : 'unknown fault';
    tell({ code: 'payword-key', message: `the broker did not take the key for prepaid tickets: ${message}` });
  });
}

async function owes(store: VendorStore, { kind, docs }: Channel): Promise<boolean> {
  return (await store.countDue(1, kind)) > 0 || (await store.readDoc(`${docs}:outbox`)) !== undefined;
}

/** Whole units of any currency that the broker carries. */
function termsOf({ licence: { ceiling = '100000', maxVal = '1000' } = {} }: FarthingOptions) {
  try {
    return { ceiling: parsePrice(`${ceiling} USD`).amount, maxVal: parsePrice(`${maxVal} USD`).amount };
  } catch (cause) {
    throw new SetupError('option-invalid', "licence: expected amounts such as { ceiling: '100000', maxVal: '1000' }", {
      cause,
    });
  }
}
