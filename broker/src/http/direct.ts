// The broker's own API for a part of the broker that is a wallet: the same tables, the same orders, without the network between.
import {
  decode,
  isObject,
  type JsonObject,
  jsonObject,
  PaymentProblem,
  parseJson,
  type VendorRecord,
  vendorRecordSchema,
} from '@farthing/protocol';
import type { BrokerService } from '../service.ts';
import { readRoutes } from './reads.ts';
import { orderRoutes } from './routes.ts';

const orders = new Map(orderRoutes.map((route) => [route.path, route]));
const vendors = readRoutes.find(({ path }) => path === '/v1/vendors/:vnd');

/** @returns the result of the answer @throws {PaymentProblem} the refusal */
export async function askDirectly(service: BrokerService, path: string, order: JsonObject): Promise<JsonObject> {
  const route = orders.get(path);
  if (!route) throw new Error(`no order goes to ${path}`);
  const answer = parseJson(await service.answer(route, order));
  return decode(jsonObject, isObject(answer) ? answer['result'] : undefined, 'unavailable');
}

/** `undefined`: a site that the broker does not vouch for. */
export async function vouchedFor(service: BrokerService, vnd: string): Promise<VendorRecord | undefined> {
  try {
    return decode(vendorRecordSchema, await vendors?.read(service, { vnd }), 'unavailable');
  } catch (error) {
    if (error instanceof PaymentProblem && error.code === 'vendor-unknown') return undefined;
    throw error;
  }
}
