// What of a site's answer decides a payment.
import { parseJson } from '@farthing/protocol';
import { readBounded } from './broker.ts';
import type { SiteAnswer } from './types.ts';

/** The values of WWW-Authenticate, and those that a gateway renamed. */
export function challengesOf({ headers }: Response): string[] {
  return ['www-authenticate', 'x-amzn-remapped-www-authenticate'].flatMap((name) => headers.get(name) ?? []);
}

/** What decides the payment. The body of a problem is read from a copy. */
export async function siteAnswer(response: Response): Promise<SiteAnswer> {
  const receipt = response.headers.get('payment-receipt');
  const meter = response.headers.get('payment-meter');
  const problem =
    response.status >= 400 && response.headers.get('content-type')?.startsWith('application/problem+json')
      ? problemIn(await readBounded(response.clone()).catch(() => ''))
      : undefined;
  return {
    status: response.status,
    challenges: challengesOf(response),
    ...(receipt === null ? {} : { receipt }),
    ...(meter === null ? {} : { meter }),
    ...(response.headers.get('payment-consumed')?.trim() === '?0' ? { spared: true } : {}),
    ...(problem ? { problem } : {}),
  };
}

function problemIn(text: string): SiteAnswer['problem'] {
  const json = parseJson(text);
  if (typeof json !== 'object' || json === null || !('consumed' in json)) return undefined;
  const { code, consumed } = json;
  return { consumed, ...(typeof code === 'string' ? { code } : {}) };
}
