// A reader without a wallet, and without a browser: follows the link of a 402 page, pays with a hosted wallet, and brings the form
// back, as the page of the broker does. For specs that stop brokers and sites in between.
import type { Guest } from '@farthing/broker/testing';
import { type Challenge, type JsonObject, readRequest, textFromBase64url } from '@farthing/protocol';

export type Offered = { readonly challenge: Challenge; readonly at: string };
export type Page = { readonly status: number; readonly text: string };

export class Reader {
  readonly guest: Guest;
  /** By name; the names say which page they are for. */
  readonly #cookies = new Map<string, string>();

  constructor(guest: Guest) {
    this.guest = guest;
  }

  async read(url: string): Promise<Page & { readonly offered: Offered | undefined }> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { headers: { accept: 'text/html', ...(cookie ? { cookie } : {}) } });
    this.#keep(answer);
    const text = await answer.text();
    const fragment = /href="[^"]*\/pay\?site=[^"#]*#([\w-]+)"/.exec(text)?.[1];
    const offered = fragment === undefined ? undefined : JSON.parse(textFromBase64url(fragment) ?? '');
    return { status: answer.status, text, offered };
  }

  /** What the script tells the server of an offer. */
  billOf({ challenge }: Offered): JsonObject {
    const request = readRequest(challenge);
    if (!request) throw new Error('the challenge cannot be read');
    const { amount, currency, recipient, methodDetails } = request;
    const { captures = [], minLevel = 0 } = methodDetails;
    const exp = Math.floor(Date.parse(challenge.expires ?? '') / 1000);
    return { epoid: challenge.id, vnd: recipient, amount: amount.toString(), cur: currency, captures, minLevel, exp };
  }

  async handIn({ challenge, at }: Offered, payload: JsonObject): Promise<void> {
    const { origin, pathname, search } = new URL(at);
    const answer = await fetch(`${origin}/farthing/hand-in`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: this.guest.origin },
      body: new URLSearchParams({
        credential: Buffer.from(JSON.stringify({ challenge, payload })).toString('base64url'),
        to: pathname + search,
      }),
    });
    this.#keep(answer);
    if (answer.status !== 303) throw new Error(`the site did not take the form: ${answer.status}`);
  }

  /** Up to the form: what is read next, the site has to decide. */
  async pay(url: string): Promise<void> {
    const { offered } = await this.read(url);
    if (!offered) throw new Error(`${url} has no link to the page of the broker`);
    await this.handIn(offered, await this.guest.pay(this.billOf(offered)));
  }

  #keep(answer: Response): void {
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/Max-Age=0;/.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }
}
