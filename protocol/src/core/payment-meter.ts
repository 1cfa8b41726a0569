// The header of a stream's companion that says where the stream stands: `Payment-Meter: spent="1200", remaining="300",
// running=?1`, a dictionary of RFC 8941 with amounts in base units. It is news, not an outcome: nothing is kept of it.
import { limits } from './limits.ts';

/** `remaining`: paid ahead and not yet taken. `running`: a stream of the session is being delivered, by any process. */
export type PaymentMeter = { readonly spent: bigint; readonly remaining: bigint; readonly running: boolean };

export const printPaymentMeter = ({ spent, remaining, running }: PaymentMeter): string =>
  `spent="${spent}", remaining="${remaining}", running=?${running ? 1 : 0}`;

/** `undefined`: absent, or not of this form. Members that are not known are passed over. */
export function readPaymentMeter(text: string | null | undefined): PaymentMeter | undefined {
  if (!text || text.length > LONGEST) return undefined;
  const members = new Map(text.split(',').map((member) => splitAt(member.trim())));
  const [spent, remaining] = [amountOf(members.get('spent')), amountOf(members.get('remaining'))];
  const running = members.get('running');
  if (spent === undefined || remaining === undefined || !running || !/^\?[01]$/.test(running)) return undefined;
  return { spent, remaining, running: running === '?1' };
}

const LONGEST = 500;

function splitAt(member: string): [string, string] {
  const at = member.indexOf('=');
  return at < 0 ? [member, '?1'] : [member.slice(0, at), member.slice(at + 1)];
}

function amountOf(value: string | undefined): bigint | undefined {
  const digits = /^"(0|[1-9]\d{0,18})"$/.exec(value ?? '')?.[1];
  const amount = digits === undefined ? undefined : BigInt(digits);
  return amount === undefined || amount > limits.sumMax ? undefined : amount;
}
