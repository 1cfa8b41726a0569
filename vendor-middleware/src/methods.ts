// The payment methods that this site takes. A new method is one more entry of the list that `farthing.ts` makes.
import type {
  Env,
  Intent,
  Json,
  JsonObject,
  Metered,
  Price,
  ServiceAnswer,
  SessionRole,
  SessionView,
  StreamProgress,
  VendorEnv,
  VendorRole,
  Verified,
  VerifyInput,
} from '@farthing/protocol';

/** A role with its keys bound: the rest of the middleware knows no method's keys. */
export type Method = {
  readonly name: string;
  readonly intents: readonly Intent[];
  /** Changes when the keys do: prepared offers are thrown away then. */
  version(): object;
  details(price: Price, env: Env): JsonObject | undefined;
  verify(input: VerifyInput, env: VendorEnv): Verified;
  readonly services: ReadonlyMap<string, (body: Json, env: Env) => ServiceAnswer>;
  /** Absent in methods where every payment stands alone. */
  readonly sessions?: Sessions;
};

/** What a method says of its sessions. The rows are the store's. */
export type Sessions = {
  identify(payload: JsonObject, env: Env): ReturnType<SessionRole<never>['identify']>;
  undo(row: Json, undo: Json): Json;
  meter(row: Json, want: { price: Price; units: number; stream: StreamProgress }, env: Env): Metered;
  leave(row: Json, stream: StreamProgress, env: Env): ReturnType<SessionRole<never>['leave']>;
  stop(row: Json): Json;
  view(row: Json, env: Env): SessionView;
};

export function bindMethod<Keys extends object>(role: VendorRole<Keys>, keys: () => Keys): Method {
  const { sessions } = role;
  return {
    name: role.method,
    intents: role.intents,
    version: keys,
    details: (price, env) => role.details(keys(), price, env),
    verify: (input, env) => role.verify(input, keys(), env),
    services: new Map(
      Object.entries(role.services).map(([path, run]) => [path, (body: Json, env: Env) => run(body, keys(), env)]),
    ),
    ...(sessions ? { sessions: bindSessions(sessions, keys) } : {}),
  };
}

const bindSessions = <Keys>(role: SessionRole<Keys>, keys: () => Keys): Sessions => ({
  identify: (payload, env) => role.identify(payload, env),
  undo: (row, undo) => role.undo(row, undo),
  meter: (row, want, env) => role.meter(row, want, keys(), env),
  leave: (row, stream, env) => role.leave(row, stream, env),
  stop: (row) => role.stop(row),
  view: (row, env) => role.view(row, env),
});
