// A person in a browser without a wallet: follows the link of a 402 page, and brings a payment back as the broker's page does.
import { type Challenge, textFromBase64url } from '@farthing/protocol';
import { type Customer, payloadFor } from './cheque-payer.ts';

export const PAY_PAGE = 'https://broker.example/pay';

export type Seen = {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  /** Of the link to the broker's page, if there is one. */
  readonly offer: { readonly challenge: Challenge; readonly at: string } | undefined;
};

export class Person {
  /** By name, with the path they are for. */
  readonly cookies = new Map<string, { readonly value: string; readonly path: string }>();

  async visit(url: string, headers: Record<string, string> = {}): Promise<Seen> {
    const { pathname } = new URL(url);
    const sent = [...this.cookies].filter(
      ([, { path }]) => pathname === path || pathname.startsWith(`${path}/`) || path === '/',
    );
    const cookie = sent.map(([name, { value }]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: { accept: 'text/html', ...(cookie ? { cookie } : {}), ...headers },
    });
    this.#keep(answer);
    const text = await answer.text();
    const link = /href="https:\/\/broker\.example\/pay\?site=[^"#]*#([\w-]+)"/.exec(text)?.[1];
    const offer = link === undefined ? undefined : JSON.parse(textFromBase64url(link) ?? '');
    return { status: answer.status, text, headers: answer.headers, offer };
  }

  /** @param form what the page of the broker would not send */
  async handIn(
    site: string,
    form: { credential?: string; to?: string },
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const answer = await fetch(`${site}/farthing/hand-in`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: new URL(PAY_PAGE).origin, accept: 'text/html', ...headers },
      body: new URLSearchParams(form),
    });
    this.#keep(answer);
    await answer.arrayBuffer();
    return answer;
  }

  /** Visits, pays, is sent back. @returns what is then seen */
  async buy(url: string, customer: Customer): Promise<Seen> {
    const { offer } = await this.visit(url);
    if (!offer) throw new Error('the page has no link to the broker');
    const { pathname, search, origin } = new URL(offer.at);
    const answer = await this.handIn(origin, {
      credential: credentialOf(offer.challenge, customer),
      to: pathname + search,
    });
    return this.visit(new URL(answer.headers.get('location') ?? '', origin).href);
  }

  #keep(answer: Response): void {
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = '', path = '/'] = /^([^=]+)=([^;]*); Path=([^;]*)/.exec(line) ?? [];
      // As browsers do: a cookie is another one on another path.
      if (/Max-Age=0;/.test(line) && this.cookies.get(name)?.path === path) this.cookies.delete(name);
      if (!/Max-Age=0;/.test(line)) this.cookies.set(name, { value, path });
    }
  }
}

export const credentialOf = (
  challenge: Challenge,
  customer: Customer,
  more: Parameters<typeof payloadFor>[2] = {},
): string =>
  Buffer.from(JSON.stringify({ challenge, payload: payloadFor(challenge, customer, more) })).toString('base64url');
