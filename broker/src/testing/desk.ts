// A broker without a network in front of it: what its ledger takes, for measurements.
import { mkdirSync } from 'node:fs';
import { type GroupOptions, nodeEnv } from '@farthing/node-kit';
import { fromBase64url, type JsonObject, type Order, readBrokerKeys } from '@farthing/protocol';
import { openBooks, type Place } from '../books/open.ts';
import { orderRoutes } from '../http/routes.ts';
import { keysRecord, openKeys } from '../keys.ts';
import { BrokerService } from '../service.ts';
import { settingsOf } from '../start.ts';
import { Bench } from './client.ts';

export type Desk = {
  /** What it says of itself. */
  readonly bench: Bench;
  /** The whole life of an order: signature, decision, commit. @throws {PaymentProblem} */
  answer(order: Order): Promise<string>;
  close(): Promise<void>;
};

/** `observe` is told of each transaction. `offsetMs`: how far its clock is ahead. */
type DeskOptions = { readonly observe?: GroupOptions['observe']; readonly offsetMs?: number };

/** A test broker, which may share `place` with others. */
export async function openDesk(place: Place, { observe, offsetMs = 0 }: DeskOptions = {}): Promise<Desk> {
  // Nobody can reach it by HTTP: people and sites make their orders for it.
  const bench = new Bench();
  bench.offsetMs = offsetMs;
  mkdirSync(place.data, { recursive: true, mode: 0o700 });
  const routes = new Map(orderRoutes.map((route) => [route.typ, route]));
  const service = new BrokerService({
    keeper: await openBooks(place, observe),
    keys: openKeys(place.data, nodeEnv()),
    settings: settingsOf({ ...place, test: true, faucetMicro: 10n ** 15n }),
    routes,
    env: bench.env,
    log: { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined },
  });
  await service.maintain();
  const env = bench.env();
  bench.keys = readBrokerKeys(keysRecord(service.keys, service.settings, env), fromBase64url, env.crypto);
  return {
    bench,
    answer(order) {
      const route = routes.get(order.typ);
      if (!route) throw new Error(`no order of typ ${order.typ}`);
      return service.answer(route, order as JsonObject);
    },
    async close() {
      await service.close();
      await bench[Symbol.asyncDispose]();
    },
  };
}
