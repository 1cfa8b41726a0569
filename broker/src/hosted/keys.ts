// The keys of hosted wallets: each is derived from one secret of the page service, which leaves this process as little as they do.
import { join } from 'node:path';
import { secretFile } from '@farthing/node-kit';
import { type Env, fromBase64url, type Level, parseJson, toBase64url, tryDecode, utf8 } from '@farthing/protocol';
import * as v from 'valibot';

export type HostedKeys = {
  /** Signs the orders of an account. */
  account(id: string): Uint8Array;
  /** Writes the cheques of an account at one site; another one for each level, so that none writes for a stronger one. */
  day(of: { account: string; vnd: string; cur: string; level: Level }): Uint8Array;
  /** What must be found again and not be read: where codes go, printed codes. */
  blind(kind: 'contact' | 'recovery', text: string): Uint8Array;
};

const secret = v.pipe(v.string(), v.transform(fromBase64url), v.instance(Uint8Array), v.length(32));
const fileSchema = v.strictObject({ typ: v.literal('hosted-keys/1'), secret });

/**
 * Reads `<data>/hosted.json`, or makes it on first start (mode 0600). Without it nobody can spend what hosted wallets have.
 * @throws {Error} the file can be read by others, or is not such a file
 */
export function openHostedKeys(data: string, { crypto, random }: Pick<Env, 'crypto' | 'random'>): HostedKeys {
  const path = join(data, 'hosted.json');
  const file = tryDecode(
    fileSchema,
    parseJson(secretFile(path, () => JSON.stringify({ typ: 'hosted-keys/1', secret: toBase64url(random(32)) }))),
  );
  if (!file) throw new Error(`${path} is not the secret of hosted wallets: restore it from a backup`);
  const derive = (kind: string, text: string): Uint8Array =>
    crypto.hmacSha256(file.secret, utf8(`farthing/hosted-${kind}/1\0${text}`));
  return {
    account: (id) => derive('account', id),
    day: ({ account, vnd, cur, level }) => derive('day', `${account}\0${vnd}\0${cur}\0${level}`),
    blind: (kind, text) => derive(kind, text),
  };
}
