// One table of everything that the world can do wrong: stable code, HTTP status, problem type, who can mend it, help.
import type { JsonObject } from './json.ts';

type Fixer = 'wallet' | 'customer' | 'site' | 'broker' | 'operator';
type Row = readonly [type: string, status: number, fixer: Fixer, title: string, help: string];

const table = {
  // The Payment scheme (wire profile 1, §5). Types are those of draft-httpauth-payment.
  'payment-required': [
    'payment-required',
    402,
    'customer',
    'Payment required',
    'This costs money. A wallet answers one of the challenges and asks again.',
  ],
  'credential-malformed': [
    'malformed-credential',
    402,
    'wallet',
    'The payment credential cannot be read',
    'The credential must be base64url without padding of one JSON object with challenge and payload, each member once.',
  ],
  'credential-too-large': [
    'malformed-credential',
    402,
    'wallet',
    'The payment credential is too large',
    'A credential has at most 4096 bytes. Pay with fewer pieces, or send the payload by reference.',
  ],
  'credentials-many': [
    'bad-request',
    400,
    'wallet',
    'More than one payment credential',
    'Send exactly one Payment credential with a request.',
  ],
  'challenge-mismatch': [
    'invalid-challenge',
    402,
    'wallet',
    'The challenge is not one of this site',
    'The echoed challenge was altered, or comes from another site, route, price or an old secret. Answer a fresh one.',
  ],
  'challenge-reused': [
    'invalid-challenge',
    402,
    'wallet',
    'The challenge was used for another payment',
    'A challenge pays once, for one request. Answer the fresh one.',
  ],
  'idempotency-reused': [
    'bad-request',
    409,
    'wallet',
    'The Idempotency-Key was used with another payment',
    'Nothing was charged. Present the credential that was sent with this key before: it gets the stored outcome.',
  ],
  'challenge-expired': ['payment-expired', 402, 'wallet', 'The challenge has expired', 'Answer the fresh challenge.'],
  'method-unsupported': [
    'method-unsupported',
    400,
    'wallet',
    'Payment method not offered',
    'Use one of the methods that the challenges name.',
  ],
  'payload-invalid': [
    'invalid-payload',
    402,
    'wallet',
    'The payload does not have the shape of its method',
    "The method's page in the documentation lists every member of its payload.",
  ],
  'digest-mismatch': [
    'invalid-challenge',
    402,
    'wallet',
    'The request body is not the one that was priced',
    'Send the same body with the credential as with the first request.',
  ],
  'scrip-forged': [
    'verification-failed',
    402,
    'wallet',
    'The scrip or its proof is not genuine',
    'The MAC does not verify. Drop this piece and buy another; keep it as evidence if your broker sold it.',
  ],
  'scrip-foreign': [
    'verification-failed',
    402,
    'wallet',
    'The scrip belongs to another site',
    'Scrip is money at one site only. Buy scrip of this site from the broker.',
  ],
  'scrip-spent': [
    'verification-failed',
    402,
    'wallet',
    'The scrip was spent before',
    'This piece is used up. If you did not spend it, another copy of your wallet did.',
  ],
  'scrip-expired': [
    'payment-expired',
    402,
    'wallet',
    'The scrip has expired',
    'What is left of it returns to its buyer after the claim window. Renew scrip before it expires.',
  ],
  'licence-exceeded': [
    'verification-failed',
    402,
    'site',
    'More scrip than its licence allows',
    'The broker sold more of this licence than the site allowed. The site refuses further pieces and its statement names the licence.',
  ],
  'amount-short': [
    'payment-insufficient',
    402,
    'wallet',
    'The payment is too small',
    'Member shortBy says how many base units are missing.',
  ],
  'change-not-asked': [
    'payment-insufficient',
    402,
    'wallet',
    'The value differs from the price',
    'Ask for change in the payload, or pay the exact price.',
  ],
  'index-beyond': [
    'session/amount-exceeds-deposit',
    402,
    'wallet',
    'The index lies beyond the chain',
    "Nothing was taken. Words count from 1 (or the first of the ticket) to the chain's length; top up the session.",
  ],
  'index-used': [
    'verification-failed',
    402,
    'wallet',
    'The word was used before',
    'Each index serves one request. Pay with a word above acceptedIndex; the request that used this one gets its stored outcome.',
  ],
  'step-too-long': [
    'verification-failed',
    402,
    'wallet',
    'The word is too far above the last',
    'Member maxStep of the challenge says how many words one payment may jump. Pay in several steps.',
  ],
  'word-wrong': [
    'verification-failed',
    402,
    'wallet',
    'The word does not belong to its chain',
    'It does not hash to the last word that the site knows. Nothing was taken.',
  ],
  'cert-forged': [
    'session/invalid-signature',
    402,
    'wallet',
    'The certificate or what it certifies is not genuine',
    'The signature of the broker, of the day key, or the MAC of the ticket does not verify.',
  ],
  'cert-foreign': [
    'session/invalid-signature',
    402,
    'wallet',
    'The commitment is for another site, broker or currency',
    'A commitment or ticket names one site and one currency, and a broker that the site takes.',
  ],
  'cert-expired': [
    'payment-expired',
    402,
    'wallet',
    'The certificate, commitment or ticket has expired',
    'Get a new certificate or ticket from the broker. What was not spent comes back.',
  ],
  'limit-reached': [
    'payment-action-required',
    402,
    'customer',
    'The limit of this credit is reached',
    'The cap, the limit of the day, or the answer of the broker does not allow more. Pay with prepaid money, or raise the limit.',
  ],
  'session-short': [
    'session/insufficient-balance',
    402,
    'wallet',
    'The session is not paid far enough',
    'Pay with the word at requiredIndex or above. Member shortBy says how many base units are missing.',
  ],
  'session-full': [
    'verification-failed',
    402,
    'wallet',
    'The session cannot be topped up again',
    'It has taken as many commitments or tickets as it may. Close it and open another.',
  ],
  'session-unknown': [
    'session/channel-not-found',
    410,
    'wallet',
    'No such session',
    'The site does not know it (any more). Open a session; what was not spent comes back.',
  ],
  'session-final': [
    'session/channel-finalized',
    410,
    'wallet',
    'The session is closed',
    'It was closed by one of both sides, or was idle for too long. Nothing was taken. Open another.',
  ],
  'cheque-forged': [
    'verification-failed',
    402,
    'wallet',
    'The cheque is not genuine',
    'The day key of its certificate signs every member. Nothing was taken.',
  ],
  'cheque-foreign': [
    'verification-failed',
    402,
    'wallet',
    'The cheque is for another site, challenge, currency or account',
    'It names one challenge of one site, in the name and currency of its certificate.',
  ],
  'cheque-late': [
    'payment-expired',
    402,
    'wallet',
    'The cheque came too late',
    'Its time was over before it was presented. It is refused for ever; write another for the fresh challenge.',
  ],
  'cheque-conflict': [
    'verification-failed',
    402,
    'wallet',
    'Another cheque was written for this challenge',
    'A challenge is paid once. The same cheque gets its stored outcome, another one nothing.',
  ],
  'level-too-low': [
    'payment-action-required',
    402,
    'customer',
    'A stronger identification is needed',
    'The site or the broker asks for a passkey or a wallet for this sum.',
  ],
  'key-wrong': [
    'verification-failed',
    402,
    'site',
    'The key does not open the goods',
    'It does not fit the commitment that the customer signed. Nothing was debited.',
  ],
  'coin-spent': [
    'verification-failed',
    402,
    'wallet',
    'A coin was spent before',
    'Nothing was taken of the other coins. Swap them, and pay with the new ones.',
  ],
  'coin-forged': [
    'verification-failed',
    402,
    'wallet',
    'A coin is not genuine',
    'The signature of its keyset does not verify. A coin is worth what its keyset says and nothing else.',
  ],
  'coin-repeated': [
    'verification-failed',
    402,
    'wallet',
    'A coin or an output stands there twice',
    'Each coin and each output belongs once into a payment or a swap. Nothing was taken.',
  ],
  'spend-wrong': [
    'verification-failed',
    402,
    'wallet',
    'A coin was signed for another use',
    'The one-time key of each coin signs site, challenge, amount, all coins, change and expiry.',
  ],
  'sum-wrong': [
    'verification-failed',
    402,
    'wallet',
    'The coins do not add up',
    'The coins are worth exactly the price and the change together; in a swap, the outputs.',
  ],
  'lock-foreign': [
    'verification-failed',
    402,
    'wallet',
    'The coin is locked to another site, or not locked to this one',
    'Swap it at its broker for coins of the keyset that the challenge names.',
  ],
  'keyset-unknown': [
    'verification-failed',
    402,
    'wallet',
    'The keyset of a coin is not known',
    'It was revoked, or never published, or belongs to a broker that is not taken here. Fetch the key list again.',
  ],
  'keyset-stopped': [
    'broker',
    503,
    'broker',
    'The coins of this keyset are not taken for now',
    'More of them came back than the broker made. They were not taken: keep them until it has found out why.',
  ],
  'keyset-expired': [
    'payment-expired',
    402,
    'wallet',
    'The keyset of a coin has ended',
    'Swap the coin at its broker: it can be reclaimed for a while after it can no longer be spent.',
  ],
  'outcome-unknown': [
    'settlement-unknown',
    503,
    'wallet',
    'The outcome of this payment is not known yet',
    'Present the same credential again after Retry-After. Never pay anew.',
  ],
  'site-not-ready': [
    'internal-payment-error',
    503,
    'site',
    'The site cannot take payments now',
    'It has no keys, its store is full or away, or its price could not be determined. Nothing was charged.',
  ],
  'site-fault': [
    'internal-payment-error',
    500,
    'site',
    'The site failed while it handled the payment',
    'Nothing was charged. The site owner finds the cause in the log.',
  ],
  'price-invalid': [
    'bad-request',
    400,
    'site',
    'The price cannot be read',
    "Write prices as '0.0015 USD': digits, at most six decimals, a space, an ISO currency that Farthing knows.",
  ],
  'receipt-invalid': [
    'bad-request',
    400,
    'site',
    'The receipt cannot be accepted',
    'The receipt is missing, malformed, or does not fit the payment. The wallet keeps it as evidence.',
  ],
  // Broker API.
  'request-malformed': [
    'bad-request',
    400,
    'wallet',
    'The request does not have the right shape',
    'The OpenAPI document at /openapi.json lists every member. Unknown members are refused.',
  ],
  'body-too-large': [
    'bad-request',
    413,
    'wallet',
    'The request body is too large',
    'A request has at most 65536 bytes.',
  ],
  'type-unsupported': [
    'bad-request',
    415,
    'wallet',
    'The body must be application/json',
    'Send Content-Type: application/json.',
  ],
  'signature-invalid': [
    'broker',
    401,
    'wallet',
    'The signature does not verify',
    'Sign the canonical JSON of the object under its typ with the key named in from.',
  ],
  'request-stale': [
    'broker',
    400,
    'wallet',
    'The request is too old or from the future',
    'Member at must lie within five minutes of the broker clock for a new request. Nothing was done.',
  ],
  'rid-conflict': [
    'broker',
    409,
    'wallet',
    'The request id was used with other content',
    'Make a new rid for a new request; repeat the same bytes for a repeated one.',
  ],
  'balance-short': [
    'broker',
    402,
    'customer',
    'The balance does not cover this',
    'Top up the account, or buy less. Member shortBy says how much is missing.',
  ],
  'balance-full': [
    'broker',
    409,
    'customer',
    'The account cannot hold more',
    'A balance has at most 10^18 base units. Spend some of it, or use another account.',
  ],
  'vendor-unknown': ['broker', 404, 'site', 'No such site at this broker', 'The site must register first.'],
  'vendor-taken': [
    'broker',
    409,
    'site',
    'The name is registered to another key',
    'Choose another name, or restore the data folder that holds the key of this one.',
  ],
  'registration-closed': [
    'broker',
    403,
    'site',
    'This broker registers by invitation',
    'Ask the operator for an invite code and pass it as invite.',
  ],
  'licence-invalid': [
    'broker',
    400,
    'site',
    'The licence cannot be accepted',
    'Check key id, range, ceiling, dates and signature.',
  ],
  'licence-missing': [
    'broker',
    409,
    'site',
    'The site has no valid licence',
    'The site has to grant this broker a licence; its middleware does so at start.',
  ],
  'licence-used-up': [
    'broker',
    409,
    'site',
    'The licence is used up',
    'The site has to grant a new licence; its middleware does so by itself.',
  ],
  'currency-unsupported': [
    'broker',
    400,
    'wallet',
    'The broker does not carry this currency',
    'GET /v1/keys names the currencies.',
  ],
  'release-invalid': [
    'broker',
    400,
    'wallet',
    'The release does not verify',
    'It must be signed by the site and name a piece that this broker sold.',
  ],
  'release-used': ['broker', 409, 'wallet', 'This piece was refunded before', 'A release is paid out once.'],
  'batch-conflict': [
    'broker',
    409,
    'site',
    'The redemption batch does not follow the last one',
    'Member prev must be the hash of the last batch that this broker answered.',
  ],
  'credit-closed': [
    'broker',
    403,
    'customer',
    'No credit at this broker',
    'The broker gives this account no credit, or none of this size. Pay prepaid.',
  ],
  'credit-overdue': [
    'broker',
    403,
    'customer',
    'An invoice is overdue',
    'Pay in what is owed: member owed, in base units. Then the broker certifies again; prepaid money works meanwhile.',
  ],
  'chain-unknown': [
    'broker',
    404,
    'wallet',
    'No such chain at this broker',
    'The broker sold no chain of this id to this account.',
  ],
  'chain-taken': [
    'broker',
    409,
    'wallet',
    'A chain of this id exists',
    'Make a fresh chain: ids and tips are random and used once.',
  ],
  'chain-closed': [
    'broker',
    409,
    'wallet',
    'The chain is closed',
    'Its rest was refunded, or it has expired. Buy another.',
  ],
  'range-invalid': [
    'broker',
    409,
    'wallet',
    'The range cannot be allotted',
    'Tickets of a chain follow each other without a gap. Member next says where the next one starts.',
  ],
  'close-invalid': [
    'broker',
    400,
    'wallet',
    'The closing does not verify',
    'It must be signed by the site and name a ticket or commitment that this broker knows, with no less than was claimed.',
  ],
  'voucher-unknown': ['broker', 404, 'customer', 'No such voucher', 'Check the code for typing errors.'],
  'voucher-used': ['broker', 409, 'customer', 'The voucher was used before', 'Each voucher pays once.'],
  'faucet-closed': [
    'broker',
    403,
    'operator',
    'This broker gives no demo money',
    'Only a broker in test mode has a faucet.',
  ],
  'faucet-limit': ['broker', 429, 'customer', 'Enough demo money for now', 'Try again after Retry-After.'],
  'rate-limit': ['broker', 429, 'wallet', 'Too many requests', 'Try again after Retry-After.'],
  'not-found': [
    'bad-request',
    404,
    'wallet',
    'No such resource',
    'The OpenAPI document at /openapi.json lists every path.',
  ],
  'method-not-allowed': [
    'bad-request',
    405,
    'wallet',
    'HTTP method not allowed here',
    'The Allow header lists the methods.',
  ],
  unavailable: [
    'broker',
    503,
    'operator',
    'The broker cannot do this now',
    'Repeat the same request after Retry-After: the same rid gets one outcome.',
  ],
  // Wallet.
  'broker-unreachable': [
    'wallet',
    503,
    'customer',
    'The broker cannot be reached',
    'Check the connection. Sites that you hold coins of still work.',
  ],
  'broker-untrusted': [
    'wallet',
    502,
    'broker',
    'The broker answered with something that does not verify',
    'Nothing was accepted; the answer is kept as evidence.',
  ],
  'site-unvouched': [
    'wallet',
    403,
    'site',
    'No broker vouches for this site',
    'The broker that you use does not list this origin for the payee of the challenge. Nothing was paid.',
  ],
  'offer-unusable': [
    'wallet',
    402,
    'site',
    'No offer that this wallet can pay',
    'The site asks for methods, brokers or currencies that this wallet does not have.',
  ],
  'insecure-origin': [
    'wallet',
    403,
    'site',
    'Farthing pays over https only',
    'Plain http is allowed on this machine (loopback) alone.',
  ],
  'origin-changed': [
    'wallet',
    403,
    'site',
    'The challenge came from another origin than the one asked',
    'The wallet pays only the origin that was asked.',
  ],
  'over-page-limit': [
    'wallet',
    403,
    'customer',
    'Costs more than your limit for a page',
    'Approve it once, or raise the limit of this site.',
  ],
  'over-day-limit': [
    'wallet',
    403,
    'customer',
    'Would break your budget of the day',
    'Approve it once, or raise the budget.',
  ],
  'approval-needed': [
    'wallet',
    403,
    'customer',
    'Waiting for your approval',
    'Approve the payment, or set a rule for this site.',
  ],
  'site-never': ['wallet', 403, 'customer', 'Payments are off on this site', 'Turn them on for this site.'],
  paused: ['wallet', 403, 'customer', 'All payments are paused', 'Resume payments.'],
  'funds-short': ['wallet', 402, 'customer', 'Not enough money', 'Top up. Member shortBy says how much is missing.'],
  'no-account': [
    'wallet',
    409,
    'customer',
    'This wallet has no account yet',
    'Run farthing init, or start with demo money in the extension.',
  ],
  'credit-off': [
    'wallet',
    403,
    'customer',
    'This site takes credit only',
    'Credit is off in this wallet. Turn it on with a limit for a day (farthing credit on --limit 1.00), if you want to be billed later.',
  ],
  'storage-fault': [
    'wallet',
    500,
    'customer',
    'The wallet cannot write its storage',
    'Nothing more is spent until it can. Free some space.',
  ],
} as const satisfies Record<string, Row>;

export type ProblemCode = keyof typeof table;
export const problemCodes = Object.keys(table) as ProblemCode[];

const BASE = 'https://paymentauth.org/problems/';
const OWN = new Set(['broker', 'wallet']);

export type ProblemInfo = {
  code: ProblemCode;
  type: string;
  status: number;
  fixer: Fixer;
  title: string;
  help: string;
};

/** The table's row for a code. */
export function problemInfo(code: ProblemCode): ProblemInfo {
  const [type, status, fixer, title, help] = table[code];
  return { code, type: OWN.has(type) ? `urn:farthing:problem:${code}` : BASE + type, status, fixer, title, help };
}

export function isProblemCode(text: unknown): text is ProblemCode {
  return typeof text === 'string' && Object.hasOwn(table, text);
}

export type Consumed = false | true | 'unknown';

/** What a problem says beyond its table row. `detail` holds what was expected and what came, and never a secret. */
export type ProblemExtra = {
  readonly detail?: string;
  readonly consumed?: Consumed;
  /** Seconds after which a repeat makes sense. */
  readonly retryAfter?: number;
  /** Further members of the body, such as `shortBy`. */
  readonly members?: JsonObject;
};

/** The one error class for the world's faults. Ours are plain `Error`s and end in `site-fault` or `unavailable`. */
export class PaymentProblem extends Error {
  readonly code: ProblemCode;
  readonly extra: ProblemExtra;

  constructor(code: ProblemCode, extra: ProblemExtra = {}) {
    super(extra.detail ? `${code}: ${extra.detail}` : `${code}: ${table[code][3]}`);
    this.name = 'PaymentProblem';
    this.code = code;
    this.extra = extra;
  }

  get status(): number {
    return table[this.code][1];
  }

  /** RFC 9457 members. */
  toBody(): JsonObject {
    const info = problemInfo(this.code);
    return {
      type: info.type,
      title: info.title,
      status: info.status,
      code: this.code,
      detail: this.extra.detail ?? info.help,
      consumed: this.extra.consumed ?? false,
      ...this.extra.members,
    };
  }
}
