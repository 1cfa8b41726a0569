// No wall, but the signatures of one: they arrive as plain bytes, the same threads check them, and nothing else is done. No wall that
// takes such payments comes below this on the same machine; what a payment takes beyond it is the wall's own.
import { constants, createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeMintKey, proofPool } from '@farthing/node-kit';
import { type Proof, publicKeyOf } from '@farthing/protocol';
import { COINS } from '../methods/ecash/coins.ts';
import { PAGE, type Wall } from './wall.ts';

/** A one-time key, what it signs and how, and what the mint signed of it. */
const [KEY, MESSAGE, SIGNATURE, COIN] = [32, 160, 64, 256] as const;
/** Different payments. They are sent again and again: nobody remembers them. */
const STOCK = 256;
const SCHEME = 'Bare ';

/** `coins`: what a payment has, of both signatures each; a cheque has one signature, by a key that is known. */
type Paid = { readonly coins: number } | 'cheque';

export const bareCoins = bare({ coins: COINS.length });
export const bareCheque = bare('cheque');

function bare(paid: Paid): Wall {
  return {
    async mount(app, { page }, { folder }) {
      const mint = await makeMintKey();
      writeFileSync(join(folder, 'bare.key'), mint.pkcs8, { mode: 0o600 });
      const rsa = publicKeyOf(mint.n);
      app.get(
        PAGE,
        (req, res, next) => {
          const bytes = Buffer.from((req.headers.authorization ?? '').slice(SCHEME.length), 'base64url');
          proofPool.firstWrong(proofsOf(bytes, paid, rsa)).then((wrong) => {
            if (wrong === -1) next();
            else res.sendStatus(401);
          }, next);
        },
        page,
      );
      return {};
    },
    async payer(_url, { folder }) {
      const stock = makeStock(folder, paid);
      let at = 0;
      return { pages: async (count) => Array.from({ length: count }, () => stock[at++ % stock.length] ?? '') };
    },
  };
}

function proofsOf(bytes: Uint8Array, paid: Paid, rsa: Extract<Proof, { scheme: 'rsa-pss' }>['key']): Proof[] {
  let at = 0;
  const part = (length: number) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const signed = () => ({ key: part(KEY), message: part(MESSAGE), signature: part(SIGNATURE) });
  const code = 'spend-wrong';
  if (paid === 'cheque') return [{ scheme: 'ed25519', code, ...signed() }];
  return Array.from({ length: paid.coins }, signed).flatMap((own): Proof[] => [
    { scheme: 'rsa-pss', code, key: rsa, message: own.key, signature: part(COIN) },
    { scheme: 'ed25519', code, ...own },
  ]);
}

function makeStock(folder: string, paid: Paid): string[] {
  const pkcs8 = readFileSync(join(folder, 'bare.key'));
  const rsa = { key: createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }), saltLength: 48 };
  const customer = generateKeyPairSync('ed25519');
  const one = () => {
    const { publicKey, privateKey } = paid === 'cheque' ? customer : generateKeyPairSync('ed25519');
    const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-KEY);
    const message = randomBytes(MESSAGE);
    const coin = sign('sha384', key, { ...rsa, padding: constants.RSA_PKCS1_PSS_PADDING });
    return { own: [key, message, sign(null, message, privateKey)], coin };
  };
  return Array.from({ length: STOCK }, () => {
    const all = Array.from({ length: paid === 'cheque' ? 1 : paid.coins }, one);
    const bytes = [...all.flatMap(({ own }) => own), ...(paid === 'cheque' ? [] : all.map(({ coin }) => coin))];
    return `Authorization: ${SCHEME}${Buffer.concat(bytes).toString('base64url')}`;
  });
}
