// What anyone may read without signing: who the broker is, whom it vouches for, whether it works.
import {
  brk,
  brokerKeysSchema,
  h32,
  PaymentProblem,
  type ProblemCode,
  tryDecode,
  vendorRecordSchema,
  vnd as vndSchema,
} from '@farthing/protocol';
import { ecashLocksResult, ecashPeersSchema, keysetsResult } from '@farthing/protocol/broker';
import * as v from 'valibot';
import { keysRecord } from '../keys.ts';
import type { BrokerService } from '../service.ts';
import { keysetsOf, lockedSites } from '../services/keysets.ts';
import { ecashPeers, peerKeysets } from '../services/peers.ts';
import { vendorRecord } from '../services/vendors.ts';

export type ReadRoute = {
  /** As Express writes it; `params` documents its parameters. */
  readonly path: string;
  readonly summary: string;
  readonly result: v.GenericSchema;
  readonly params: Readonly<Record<string, v.GenericSchema>>;
  readonly problems: readonly ProblemCode[];
  read(service: BrokerService, params: Readonly<Record<string, unknown>>): object | Promise<object>;
};

const ownRecord = (vnd: string, service: BrokerService) =>
  service.read((step) => {
    const row = step.ledger.vendors.get(vnd);
    return row && vendorRecord(row, step);
  });

export const readRoutes: readonly ReadRoute[] = [
  {
    path: '/health',
    summary: 'Whether the process is alive: who gets no answer starts it again',
    result: v.object({ ok: v.literal(true), brk, test: v.boolean() }),
    params: {},
    problems: [],
    read: ({ keys, settings }) => ({ ok: true, brk: keys.brk, test: settings.test }),
  },
  {
    path: '/ready',
    summary: 'Whether orders should be sent here. 503 says in `reasons` why not: database, schema, laws, draining',
    result: v.object({ ok: v.boolean(), brk, test: v.boolean(), stopped: v.exactOptional(v.array(h32)) }),
    params: {},
    problems: [],
    async read(service) {
      const reasons = await service.readiness.reasons();
      if (reasons.length > 0) throw new PaymentProblem('unavailable', { retryAfter: 2, members: { reasons } });
      const { keys, settings } = service;
      // Sites and wallets are told by the list of keysets; all other money moves on.
      const stopped = await service.stopped();
      const alarm = stopped.length > 0 ? { stopped } : {};
      return { ok: stopped.length === 0, brk: keys.brk, test: settings.test, ...alarm };
    },
  },
  {
    path: '/v1/keys',
    summary: 'What the broker says of itself, signed by its root key',
    result: brokerKeysSchema,
    params: {},
    problems: [],
    read: (service) => keysRecord(service.keys, { ...service.settings, payUrl: service.payUrl }, service.step().env),
  },
  {
    path: '/v1/vendors/:vnd',
    summary: 'The record by which the broker vouches for a site, or took the word of a broker that it clears with',
    result: vendorRecordSchema,
    params: { vnd: vndSchema },
    problems: ['vendor-unknown'],
    async read(service, params) {
      const vnd = tryDecode(vndSchema, params['vnd']);
      const own = vnd === undefined ? undefined : await ownRecord(vnd, service);
      const record = own ?? (vnd === undefined ? undefined : await service.vouching.of(vnd));
      if (!record) throw new PaymentProblem('vendor-unknown');
      return record;
    },
  },
  {
    path: '/v1/peers/vendors/:vnd',
    summary: 'The same for sites of this broker alone, as other brokers ask it',
    result: vendorRecordSchema,
    params: { vnd: vndSchema },
    problems: ['vendor-unknown'],
    async read(service, params) {
      const vnd = tryDecode(vndSchema, params['vnd']);
      const own = vnd === undefined ? undefined : await ownRecord(vnd, service);
      if (!own) throw new PaymentProblem('vendor-unknown');
      return own;
    },
  },
  {
    path: '/v1/ecash/peers',
    summary: 'Brokers whose coins this one takes for its sites, on line',
    result: ecashPeersSchema,
    params: {},
    problems: [],
    read: (service) => ecashPeers(service.peers),
  },
  {
    path: '/v1/ecash/peers/:brk/keysets',
    summary: 'Keysets of such a broker with the list that it signed, as this one has read them',
    result: keysetsResult,
    params: { brk },
    problems: ['not-found', 'unavailable'],
    read: (service, params) => peerKeysets(String(params['brk']), service.peers),
  },
  {
    path: '/v1/ecash/keysets',
    summary: 'Keysets of coins that go everywhere, with their signed list',
    result: keysetsResult,
    params: {},
    problems: ['unavailable'],
    read: (service) => service.read((step) => keysetsOf('', step)),
  },
  {
    path: '/v1/ecash/locks',
    summary: 'Sites that have coins of their own: who restores a wallet looks at the keysets of them all',
    result: ecashLocksResult,
    params: {},
    problems: [],
    read: (service) => service.read(lockedSites),
  },
  {
    path: '/v1/vendors/:vnd/keysets',
    summary: 'Keysets of coins that are locked to a site, with their signed list',
    result: keysetsResult,
    params: { vnd: vndSchema },
    problems: ['vendor-unknown', 'unavailable'],
    read: (service, params) => service.read((step) => keysetsOf(String(params['vnd']), step)),
  },
];
