// What the site asks, out of the part of the address that browsers send nowhere, and how its form is brought back there. All of it
// was written by somebody else: the broker's record says which origins the site has, and nothing goes anywhere else.

export type About = {
  readonly brk: string;
  readonly language: string;
  readonly site?: { readonly vnd: string; readonly origins: readonly string[] };
  readonly faucet?: string;
  readonly says: {
    readonly pay: string;
    readonly faucet: string;
    readonly topUp: string;
    readonly passkey: string;
    readonly remove: string;
    readonly goingBack: string;
    readonly notCharged: string;
    readonly problems: Readonly<Record<string, string>>;
  };
};

/** What the server is told: no page, no product. */
export type Bill = {
  readonly epoid: string;
  readonly vnd: string;
  readonly amount: string;
  readonly cur: string;
  readonly captures: readonly string[];
  readonly minLevel: number;
  readonly exp: number;
};

export type Offer = {
  readonly challenge: Readonly<Record<string, unknown>>;
  readonly bill: Bill;
  /** In the site's words. */
  readonly description: string;
  readonly at: URL;
  /** Where the form goes. */
  readonly handIn: URL;
};

type Members = Readonly<Record<string, unknown>>;

const members = (value: unknown): Members => (typeof value === 'object' && value !== null ? (value as Members) : {});

function decoded(text: unknown): Members {
  const binary = atob(String(text).replaceAll('-', '+').replaceAll('_', '/'));
  return members(JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (letter) => letter.charCodeAt(0)))));
}

const LONGEST = 16_384;

/** `undefined`: not an offer of this site that this broker can pay. */
export function readOffer(fragment: string, { brk, site }: About): Offer | undefined {
  if (!site || fragment.length > LONGEST) return undefined;
  try {
    const { challenge: given, at: address } = decoded(fragment.replace(/^#/, ''));
    const challenge = members(given);
    const at = new URL(String(address));
    if (!isOfSite(at, site.origins)) return undefined;
    const request = decoded(challenge['request']);
    const details = members(request['methodDetails']);
    const brokers = Array.isArray(details['brokers']) ? details['brokers'] : [];
    const isOurs = brokers.some((one) => members(one)['id'] === brk);
    const isCheque = challenge['method'] === 'cheque' && challenge['intent'] === 'charge';
    if (!isOurs || !isCheque || challenge['realm'] !== site.vnd || details['sealed'] !== undefined) return undefined;
    const handIn = new URL(`${String(details['api'])}/hand-in`, at.origin);
    if (handIn.origin !== at.origin) return undefined;
    const bill = {
      epoid: String(challenge['id']),
      vnd: site.vnd,
      amount: String(request['amount']),
      cur: String(request['currency']),
      captures: Array.isArray(details['captures']) ? details['captures'].map(String) : [],
      minLevel: Number(details['minLevel'] ?? 0),
      exp: Math.floor(Date.parse(String(challenge['expires'])) / 1000),
    };
    const description = typeof request['description'] === 'string' ? request['description'].slice(0, 120) : '';
    return { challenge, bill, description, at, handIn };
  } catch {
    return undefined;
  }
}

const LOOPBACK = 'loopback';

function isOfSite({ origin, protocol, hostname }: URL, origins: readonly string[]): boolean {
  if (origins.includes(origin)) return true;
  const isLocal = hostname === 'localhost' || /^127(\.\d+){3}$/.test(hostname);
  return origins.includes(LOOPBACK) && isLocal && (protocol === 'http:' || protocol === 'https:');
}

/** Back to the site, with the credential: a form, so that the address never has it. */
export function bringBack({ challenge, at, handIn }: Offer, payload: unknown): void {
  const bytes = new TextEncoder().encode(JSON.stringify({ challenge, payload }));
  const base64 = btoa(String.fromCharCode(...bytes));
  const form = document.createElement('form');
  form.method = 'post';
  form.action = handIn.href;
  form.hidden = true;
  const fields = {
    credential: base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''),
    to: at.pathname + at.search,
  };
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement('input');
    Object.assign(field, { type: 'hidden', name, value });
    form.append(field);
  }
  document.body.append(form);
  form.submit();
  form.remove();
}
