// The script of the hosted wallet's page: shows what the server knows, asks the authenticator, brings the payment back to the site.
import { type About, bringBack, type Offer, readOffer } from './offer.ts';

/** The part of `@simplewebauthn/browser` that is used; its bundle is loaded before this script. */
type WebAuthn = {
  startRegistration(asked: { optionsJSON: unknown }): Promise<unknown>;
  startAuthentication(asked: { optionsJSON: unknown }): Promise<unknown>;
};
const webauthn = () => (globalThis as unknown as { SimpleWebAuthnBrowser: WebAuthn }).SimpleWebAuthnBrowser;

type State = {
  level?: number;
  balance?: string;
  cur?: string;
  passkeys?: readonly { id: string; at: number }[];
  past?: readonly { at: number; amount: string; ref: string }[];
};

const by = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
};
const maybe = (id: string): HTMLElement | null => document.getElementById(id);
const input = (id: string): string => (by(id) as HTMLInputElement).value.trim();
const show = (id: string, visible: boolean): void => {
  const found = maybe(id);
  if (found) found.hidden = !visible;
};

const about = JSON.parse(by('about').textContent ?? '') as About;
const { says } = about;
const offer = readOffer(location.hash, about);
const cur = offer?.bill.cur ?? 'usd-micro';

/** Exact: at least two decimals, never rounded. */
function money(micro: string, currency: string): string {
  const isLess = micro.startsWith('-');
  const digits = micro.slice(isLess ? 1 : 0).padStart(7, '0');
  const decimal = `${isLess ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}` as Intl.StringNumericLiteral;
  const style = { style: 'currency', currency: currency.slice(0, 3).toUpperCase() } as const;
  const format = new Intl.NumberFormat(about.language, {
    ...style,
    minimumFractionDigits: 2,
    maximumFractionDigits: 6,
  });
  return format.format(decimal).replace(/[\u200e\u200f\u061c]/g, '');
}

const filled = (text: string, name: string, value: string): string => text.replace(`{${name}}`, value);
/** Money keeps its own direction inside of a sentence. */
const leftToRight = (text: string): string => `\u2066${text}\u2069`;

// ── the server ──────────────────────────────────────────────────────────────────────────────────────────────────────

class Refused extends Error {
  readonly code: string;
  constructor(code: string, title: string) {
    super(title);
    this.code = code;
  }
}

async function ask<Answer = Record<string, unknown>>(name: string, body: object = {}): Promise<Answer> {
  const response = await fetch(`/pay/api/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).catch(() => {
    throw new Refused('offline', '');
  });
  const json = (await response.json()) as Answer & { code?: string; title?: string };
  if (!response.ok) throw new Refused(String(json.code), String(json.title));
  return json;
}

/** Nothing happened when the person closed the browser's question, or the device has no answer. */
async function answered(how: () => Promise<unknown>): Promise<unknown> {
  try {
    return await how();
  } catch (error) {
    const isThere = error instanceof Error && error.name === 'InvalidStateError';
    throw new Refused(isThere ? 'passkey-there' : 'passkey-off', '');
  }
}

const sign = (optionsJSON: unknown) => answered(() => webauthn().startAuthentication({ optionsJSON }));
const make = (optionsJSON: unknown) => answered(() => webauthn().startRegistration({ optionsJSON }));

// ── what is shown ───────────────────────────────────────────────────────────────────────────────────────────────────

let busy = false;

/** One thing at a time: a second tap while the first runs does nothing. */
async function run(work: () => Promise<void>): Promise<void> {
  if (busy) return;
  busy = true;
  setButtons(true);
  show('refused', false);
  try {
    await work();
  } catch (error) {
    const code = error instanceof Refused ? error.code : 'offline';
    const words = says.problems[code] ?? (error instanceof Error ? error.message : '');
    refuse(words);
    if (code === 'sign-in-needed') await render().catch(() => undefined);
  } finally {
    busy = false;
    setButtons(false);
  }
}

function refuse(words: string): void {
  by('refused').textContent = about.site ? `${words} ${says.notCharged}` : words;
  show('refused', true);
}

function setButtons(disabled: boolean): void {
  for (const button of document.querySelectorAll('button')) button.disabled = disabled;
}

async function render(): Promise<void> {
  const state = await ask<State>('state', { cur });
  const isIn = state.level !== undefined;
  show('printed', false);
  show('signed-out', !isIn);
  show('signed-in', isIn);
  if (!isIn) return;
  by('balance').textContent = money(state.balance ?? '0', cur);
  show('pay', offer !== undefined);
  show('keys', state.level === 1);
  show('faucet', about.faucet !== undefined);
  show('movements', (state.past ?? []).length > 0);
  by('past').replaceChildren(...(state.past ?? []).map(pastLine));
  by('passkeys').replaceChildren(...(state.passkeys ?? []).map((one) => passkeyLine(one, state)));
}

const moment = (at: number): string =>
  new Intl.DateTimeFormat(about.language, { dateStyle: 'medium', timeStyle: 'short' }).format(at * 1000);

/** When, with whom, how much. */
function pastLine({ at, amount, ref }: { at: number; amount: string; ref: string }): HTMLElement {
  const line = document.createElement('li');
  const [what, sum] = [document.createElement('span'), document.createElement('bdi')];
  what.textContent = `${ref || says.topUp} · ${moment(at)}`;
  sum.textContent = money(amount, cur);
  sum.dir = 'ltr';
  line.append(what, sum);
  return line;
}

function passkeyLine({ id, at }: { id: string; at: number }, { passkeys = [] }: State): HTMLElement {
  const line = document.createElement('li');
  const name = document.createElement('span');
  name.textContent = filled(says.passkey, 'date', moment(at));
  line.append(name);
  if (passkeys.length < 2) return line;
  const remove = document.createElement('button');
  remove.className = 'second small';
  remove.textContent = says.remove;
  remove.onclick = () =>
    void run(async () => {
      await ask('remove-passkey', { id });
      await render();
    });
  line.append(remove);
  return line;
}

/** A printed code is shown until the person says to have it. */
async function entered({ code }: { code?: string }): Promise<void> {
  if (code === undefined) return render();
  by('printed-code').textContent = code;
  show('signed-out', false);
  show('signed-in', false);
  show('printed', true);
  by('have-it').focus();
}

// ── what people do ──────────────────────────────────────────────────────────────────────────────────────────────────

const register = async (name: string, body: object = {}): Promise<void> =>
  entered(await ask('register', { response: await make(await ask(name, body)) }));

async function pay({ bill, challenge: _, ...rest }: Offer): Promise<void> {
  const { pay: hash, options } = await ask<{ pay: string; options?: unknown }>('prepare', bill);
  const response = options === undefined ? {} : { response: await sign(options) };
  const payload = await ask('approve', { pay: hash, ...response });
  by('status').textContent = says.goingBack;
  show('status', true);
  bringBack({ bill, challenge: _, ...rest }, payload);
}

const onClick = (id: string, work: () => Promise<void>): void => {
  maybe(id)?.addEventListener('click', () => void run(work));
};
const onSubmit = (id: string, work: () => Promise<void>): void => {
  maybe(id)?.addEventListener('submit', (event) => {
    event.preventDefault();
    void run(work);
  });
};

onClick('sign-in', async () => entered(await ask('enter', { response: await sign(await ask('sign-in')) })));
onClick('sign-up', () => register('sign-up'));
onClick('add', () => register('add-passkey'));
onSubmit('recover-form', () => register('recover', { code: input('recovery') }));
onClick('have-it', render);
onClick('print', async () => print());
onClick('faucet', async () => {
  await ask('faucet', { cur, amount: about.faucet });
  await render();
});
onClick('sign-out', async () => {
  await ask('sign-out');
  await render();
});
onClick('pay', async () => {
  if (offer) await pay(offer);
});
onSubmit('voucher-form', async () => {
  await ask('voucher', { code: input('voucher').toUpperCase() });
  await render();
});

let ticket = '';
onSubmit('password-form', async () => {
  const said = await ask<{ ticket: string; inbox?: string }>('password', {
    contact: input('contact'),
    password: (by('password') as HTMLInputElement).value,
  });
  ticket = said.ticket;
  by('letter').textContent = said.inbox ?? '';
  show('inbox', said.inbox !== undefined);
  show('code-form', true);
  by('code').focus();
});
onSubmit('code-form', async () => entered(await ask('code', { ticket, code: input('code') })));

// ── the page as it opens ────────────────────────────────────────────────────────────────────────────────────────────

if (offer) {
  by('price').textContent = money(offer.bill.amount, cur);
  by('what').textContent = offer.description;
  by('pay').textContent = filled(says.pay, 'price', leftToRight(money(offer.bill.amount, cur)));
  (by('back') as HTMLAnchorElement).href = offer.at.href;
  show('bill', true);
  show('away', true);
}
if (about.faucet !== undefined)
  by('faucet').textContent = filled(says.faucet, 'price', leftToRight(money(about.faucet, cur)));
// Back from the site: whatever was shown then may have changed.
addEventListener('pageshow', ({ persisted }) => {
  if (!persisted) return;
  show('status', false);
  void run(render);
});
void run(async () => {
  await render();
  if (!offer && about.site && location.hash.length > 1) throw new Refused('offer-wrong', '');
});
