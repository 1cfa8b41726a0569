// The broker's own keys: an Ed25519 root that signs every answer, and an X25519 secret that licences are sealed to.
import { join } from 'node:path';
import { secretFile } from '@farthing/node-kit';
import {
  boxPublicKey,
  brokerId,
  type Currency,
  currencies,
  type Env,
  fromBase64url,
  parseJson,
  signObject,
  toBase64url,
  tryDecode,
} from '@farthing/protocol';
import * as v from 'valibot';

/** `seed` and `boxSecret` never leave this process. */
export type Keys = {
  readonly brk: string;
  readonly seed: Uint8Array;
  readonly root: string;
  readonly boxSecret: Uint8Array;
  readonly box: string;
};

export const carried = Object.keys(currencies) as Currency[];

const key = v.pipe(v.string(), v.transform(fromBase64url), v.instance(Uint8Array), v.length(32));
const fileSchema = v.strictObject({ typ: v.literal('broker-keys/1'), root: key, box: key });

/**
 * Reads `<data>/keys.json`, or makes it on first start (mode 0600).
 * @throws {Error} the file can be read by others, or is not a key file
 */
export function openKeys(data: string, { crypto, random }: Pick<Env, 'crypto' | 'random'>): Keys {
  const path = join(data, 'keys.json');
  const text = secretFile(path, () =>
    JSON.stringify({ typ: 'broker-keys/1', root: toBase64url(random(32)), box: toBase64url(random(32)) }),
  );
  const file = tryDecode(fileSchema, parseJson(text));
  if (!file) throw new Error(`${path} is not a key file of a broker: restore it from a backup`);
  const root = crypto.publicKey(file.root);
  return {
    brk: brokerId(root, crypto),
    seed: file.root,
    root: toBase64url(root),
    boxSecret: file.box,
    box: toBase64url(boxPublicKey(file.box)),
  };
}

/** `GET /v1/keys` */
export function keysRecord(
  keys: Keys,
  about: { name: string; test: boolean; faucetMicro: bigint; pollMicro: bigint; payUrl?: string | undefined },
  env: Env,
) {
  const unsigned = {
    typ: 'keys/1' as const,
    brk: keys.brk,
    root: keys.root,
    box: keys.box,
    name: about.name,
    test: about.test,
    currencies: carried,
    ...(about.test ? { faucet: about.faucetMicro.toString() } : {}),
    poll: about.pollMicro.toString(),
    ...(about.payUrl === undefined ? {} : { pay: about.payUrl }),
    at: Math.floor(env.nowMs / 1000),
  };
  return { ...unsigned, sig: signObject(unsigned, keys.seed, env.crypto) };
}
