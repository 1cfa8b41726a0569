// The mint's blind signatures. Those of a withdrawal are made before the transaction: a large one takes twenty milliseconds,
// for which nobody else should wait.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Currency, fromBase64url, PaymentProblem, toBase64url } from '@farthing/protocol';
import { ecash, type ecashWithdrawOrder, type Output } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import type { MintKeyset } from '../ledger/ecash.ts';
import { account } from '../ledger/journal.ts';
import type { AheadStep } from './ahead-step.ts';
import type { Ahead, OrderStep, Step } from './step.ts';

/** @throws {PaymentProblem} `request-malformed`, `coin-repeated` */
export function sign(outputs: readonly Output[], { ledger, ahead }: Pick<OrderStep, 'ledger' | 'ahead'>): string[] {
  ledger.gather(() => outputs.map(({ ks, b }) => ledger.ecash.signature(ks, b)));
  return outputs.map((output, i) => {
    const { ks, b } = output;
    const text = ahead?.signatures?.get(nameOf(output)) ?? signed(output, ledger.ecash.keysets());
    if (text === undefined) {
      throw new PaymentProblem('request-malformed', { detail: `outputs.${i}.b: expected a number below the modulus` });
    }
    if (!ledger.ecash.addSignature(ks, b, text)) {
      throw new PaymentProblem('coin-repeated', { detail: `outputs.${i}: it was signed before, for another order` });
    }
    return text;
  });
}

/** `undefined`: there is no such keyset, or the number is not below its modulus. */
function signed({ ks, b }: Output, keysets: ReadonlyMap<string, MintKeyset>): string | undefined {
  const blinded = fromBase64url(b);
  const signature = blinded && keysets.get(ks)?.sign(blinded);
  return signature && toBase64url(signature);
}

/** Coins between which others get a turn: each takes a third of a millisecond. */
const AT_ONCE = 4;

/** Signs what a withdrawal will get, if the account has the money now; the transaction decides. */
export async function signAhead(
  { from, cur, outputs }: v.InferOutput<typeof ecashWithdrawOrder>,
  step: AheadStep,
): Promise<Ahead> {
  const keysets = await step.read((now) =>
    canPay(from, { cur, outputs }, now) ? now.ledger.ecash.keysets() : undefined,
  );
  if (!keysets) return {};
  const made = new Map<string, string>();
  for (const [i, output] of outputs.entries()) {
    if (i % AT_ONCE === 0) await nextTurn();
    const text = signed(output, keysets);
    if (text !== undefined) made.set(nameOf(output), text);
  }
  return { signatures: made };
}

/** What is wrong is told by the transaction. */
function canPay(from: string, { cur, outputs }: { cur: Currency; outputs: readonly Output[] }, step: Step): boolean {
  try {
    const { value } = ecash.withdraw(outputs, cur, step.ledger.ecash.mintKeys(), step.env);
    return step.ledger.journal.balance(account.user(from), cur) >= value;
  } catch (error) {
    if (error instanceof PaymentProblem) return false;
    throw error;
  }
}

const nameOf = ({ ks, b }: Output): string => `${ks} ${b}`;
