// The signatures of cheques are checked on other threads, before the transaction: they take longer than all the rest of one.
import { type Crypto, textsOf } from '@farthing/protocol';
import { type Cheque, chequeHash } from '@farthing/protocol/broker';
import type { AheadStep } from './ahead-step.ts';
import { isGenuine } from './signatures.ts';
import type { Ahead } from './step.ts';

export type Shown = { readonly cheque: Cheque; readonly certExp: number };

/** Names the cheques that are signed under a certificate of this broker. What is not among them is checked once more. */
export async function checkAhead(shown: readonly Shown[], { read, keys, env }: AheadStep): Promise<Ahead> {
  const certs = await read(({ ledger }) => {
    const certOf = ({ cheque: { sub }, certExp }: Shown) => ledger.cheques.cert(sub, certExp)?.cert;
    ledger.gather(() => shown.map(certOf));
    return new Map(shown.map((one) => [holderOf(one), certOf(one)]));
  });
  const dayKeys = new Map<string, Promise<string | undefined>>();
  const dayKeyOf = (one: Shown): Promise<string | undefined> => {
    const name = holderOf(one);
    const known = dayKeys.get(name) ?? dayKey(certs.get(name), keys.root);
    dayKeys.set(name, known);
    return known;
  };
  const names = await Promise.all(
    shown.map(async (one) => {
      const key = await dayKeyOf(one);
      const isGood = key !== undefined && (await isSigned(one.cheque, key));
      return isGood ? nameOf(one, env.crypto) : undefined;
    }),
  );
  return { genuine: new Set(names.filter((name) => name !== undefined)) };
}

const holderOf = ({ cheque: { sub }, certExp }: Shown): string => `${sub} ${certExp}`;

/** A content under one certificate with this very signature: receipts say which was taken. */
export const nameOf = ({ cheque, certExp }: Shown, crypto: Crypto): string =>
  `${certExp} ${cheque.sig} ${chequeHash(cheque, crypto)}`;

type Signed = { readonly typ: string; readonly sig: string };

const dayKey = async (cert: (Signed & { readonly pk: string }) | undefined, root: string) =>
  cert && (await isSigned(cert, root)) ? cert.pk : undefined;

const isSigned = (object: Signed, key: string): Promise<boolean> =>
  isGenuine(textsOf(object).signed, { key, sig: object.sig });
