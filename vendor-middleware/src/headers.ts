// The header lines of a request, and the headers that every gated answer carries, merged into what the handler set.
import type { Request, Response } from 'express';

const VARY = [
  'Accept',
  'Accept-Language',
  'Accept-Payment',
  'Authorization',
  'Payment-Authorization',
  'Cookie',
  'Origin',
];

const ALL_VARY = VARY.join(', ');

/** Values of all lines of a field, as received: what `headersDistinct` has, without making it for all fields. */
export function linesOf({ rawHeaders }: Request, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const field = rawHeaders[i] as string;
    if (field.length === name.length && field.toLowerCase() === name) values.push(rawHeaders[i + 1] as string);
  }
  return values;
}

/** `Cache-Control: private`, also when the handler said `public`: what one customer paid for is not for a shared cache. */
export function keepPrivate(res: Response): void {
  const set = res.getHeader('Cache-Control');
  if (set === undefined) return void res.setHeader('Cache-Control', 'private');
  const now = listOf(set);
  const kept = now.filter((directive) => !/^(public|private|s-maxage|proxy-revalidate)\b/i.test(directive));
  res.setHeader('Cache-Control', ['private', ...kept].join(', '));
}

export function addVary(res: Response): void {
  const set = res.getHeader('Vary');
  if (set === undefined) return void res.setHeader('Vary', ALL_VARY);
  const now = listOf(set);
  if (now.includes('*')) return;
  const known = new Set(now.map((name) => name.toLowerCase()));
  res.setHeader('Vary', [...now, ...VARY.filter((name) => !known.has(name.toLowerCase()))].join(', '));
}

/**
 * On answers from 400 on to a request that carried a credential: `Payment-Consumed: ?0` (RFC 8941), nothing of it was
 * consumed. A handler that passes on another site's answer says nothing about this payment.
 */
export function tellConsumed(res: Response, consumed: boolean): void {
  if (consumed) res.removeHeader('Payment-Consumed');
  else res.setHeader('Payment-Consumed', '?0');
}

/** Members of a list header; a quoted-string with a comma in it is one member. */
function listOf(value: number | string | string[]): string[] {
  const text = Array.isArray(value) ? value.join(',') : String(value);
  return (text.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? []).map((member) => member.trim()).filter(Boolean);
}
