// A browser on the page of hosted wallets, without the browser: its calls, its cookie, its authenticator.
import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@farthing/protocol';
import { SoftAuthenticator, type Twist } from './authenticator.ts';
import { type Bench, USD } from './client.ts';

export type HostedReply = { readonly status: number; readonly body: JsonObject; readonly headers: Headers };

/** What `prepare` answers, as its options for the authenticator. */
type Options = { readonly challenge: string };
const optionsOf = (value: unknown): Options => value as Options;

export class Guest {
  readonly bench: Bench;
  readonly origin: string;
  readonly phone: SoftAuthenticator;
  /** As the browser would send it. */
  cookie = '';

  constructor(bench: Bench) {
    this.bench = bench;
    const url = new URL(bench.url);
    url.hostname = 'localhost';
    this.origin = url.origin;
    this.phone = new SoftAuthenticator(this.origin);
  }

  async post(name: string, body: object = {}, headers: Record<string, string> = {}): Promise<HostedReply> {
    const response = await fetch(`${this.origin}/pay/api/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: this.origin, cookie: this.cookie, ...headers },
      body: JSON.stringify(body),
    });
    const [set] = response.headers.getSetCookie();
    if (set !== undefined) this.cookie = set.split(';', 1)[0] ?? '';
    return { status: response.status, body: (await response.json()) as JsonObject, headers: response.headers };
  }

  /** @throws {Error} a refusal */
  async ask(name: string, body: object = {}): Promise<JsonObject> {
    const { status, body: said } = await this.post(name, body);
    if (status !== 200) throw new Error(`${name}: ${String(said['code'])}`);
    return said;
  }

  /** The problem code of a refusal. */
  async refused(name: string, body: object = {}): Promise<string> {
    const { status, body: said } = await this.post(name, body);
    return status === 200 ? 'accepted' : String(said['code']);
  }

  /** @returns the printed code */
  async signUp(twist: Twist = {}): Promise<string> {
    const options = optionsOf(await this.ask('sign-up'));
    return String((await this.ask('register', { response: this.phone.create(options, twist) }))['code']);
  }

  async signIn(): Promise<void> {
    await this.ask('enter', { response: this.phone.get(optionsOf(await this.ask('sign-in'))) });
  }

  /** By password and code. @returns the printed code, of a wallet that is new */
  async byPassword(contact: string, password: string): Promise<JsonObject> {
    const { ticket, inbox } = await this.ask('password', { contact, password });
    return this.ask('code', { ticket, code: /\d{6}/.exec(String(inbox))?.[0] });
  }

  faucet = (micro: bigint): Promise<JsonObject> => this.ask('faucet', { cur: USD, amount: micro.toString() });

  async balance(): Promise<bigint> {
    return BigInt(String((await this.ask('state', { cur: USD }))['balance']));
  }

  bill(vnd: string, amount: bigint, more: object = {}) {
    const exp = Math.floor(this.bench.env().nowMs / 1000) + 300;
    const epoid = randomBytes(32).toString('base64url');
    return { epoid, vnd, amount: amount.toString(), cur: USD, captures: ['now'], minLevel: 0, exp, ...more };
  }

  async prepare(bill: object): Promise<{ pay: string; options: Options }> {
    const { pay, options } = await this.ask('prepare', bill);
    return { pay: String(pay), options: optionsOf(options) };
  }

  /** @returns the payload of the credential */
  async pay(bill: object, twist: Twist = {}): Promise<JsonObject> {
    const { pay, options } = await this.prepare(bill);
    return this.ask('approve', { pay, response: this.phone.get(options, twist) });
  }
}
