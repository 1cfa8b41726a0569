// The payment methods that this site takes. A new method is one more entry of the list that `farthing.ts` makes.
import type {
  Env,
  Json,
  JsonObject,
  Price,
  ServiceAnswer,
  VendorEnv,
  VendorRole,
  Verified,
  VerifyInput,
} from '@farthing/protocol';

/** A role with its keys bound: the rest of the middleware knows no method's keys. */
export type Method = {
  readonly name: string;
  /** Changes when the keys do: prepared offers are thrown away then. */
  version(): object;
  details(price: Price, env: Env): JsonObject | undefined;
  verify(input: VerifyInput, env: VendorEnv): Verified;
  readonly services: ReadonlyMap<string, (body: Json, env: Env) => ServiceAnswer>;
};

export function bindMethod<Keys extends object>(role: VendorRole<Keys>, keys: () => Keys): Method {
  return {
    name: role.method,
    version: keys,
    details: (price, env) => role.details(keys(), price, env),
    verify: (input, env) => role.verify(input, keys(), env),
    services: new Map(
      Object.entries(role.services).map(([path, run]) => [path, (body: Json, env: Env) => run(body, keys(), env)]),
    ),
  };
}
