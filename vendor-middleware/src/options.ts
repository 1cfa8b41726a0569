// What a site owner may configure, checked when it is given: an unknown name is refused with the nearest known one.

import { join, resolve } from 'node:path';
import type { Logger } from '@farthing/node-kit';
import type { Env } from '@farthing/protocol';
import { limits, type Money, PaymentProblem, parsePrice } from '@farthing/protocol';
import type { Request } from 'express';
import { type ChequeOptions, wholeUnits } from './cheques.ts';
import type { EcashOptions } from './coins.ts';
import type { GoodsOptions } from './goods/goods.ts';
import { between, known, need } from './option-rules.ts';
import type { PaywordOptions } from './payword.ts';
import type { PriceOption } from './price.ts';
import { type Problem, SetupError } from './setup-error.ts';
import type { VendorStore } from './store/port.ts';
import { cleanText } from './text.ts';

export type FarthingOptions = {
  /** URL of the broker that sells this site's scrip. A list may hold one for now. */
  readonly broker: string | readonly string[];
  /** Folder for keys and, unless `store` is given, the database. */
  readonly data: string;
  readonly store?: VendorStore;
  /** Public origins such as `https://news.example`. Not needed while the broker is in test mode. */
  readonly origin?: string;
  readonly origins?: readonly string[];
  /** Name for people; default: the host of the first origin. */
  readonly name?: string;
  /** Name at the broker; default: the host of the first origin, or one made from the key. */
  readonly vnd?: string;
  /** Path where `routes()` is mounted; default `/farthing`. */
  readonly api?: string;
  /** Binds challenges: at least 32 bytes, newest first. Default: made and kept in `data`. */
  readonly secret?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Code of a broker that registers by invitation. */
  readonly invite?: string;
  /** The most that the broker may sell under one licence, and in one piece, in whole currency units. */
  readonly licence?: { readonly ceiling?: string; readonly maxVal?: string };
  /** Ways to pay that the site takes; default: scrip alone. */
  readonly methods?: readonly MethodName[];
  /** Terms of PayWord: how long a session may be idle (ms), and how its money is backed. */
  readonly payword?: PaywordOptions;
  /** What coins of this site are worth, such as `{ denominations: ['0.001 USD', '0.002 USD'] }`, and whether others are taken. */
  readonly ecash?: EcashOptions;
  /** Terms of cheques: `{ offlineMax: '1', minLevel: 0, captures: ['now', 'deferred'] }`. */
  readonly cheque?: ChequeOptions;
  /** Where the ciphertexts of sealed goods lie, and how much they may take of the disk. */
  readonly goods?: GoodsOptions;
  /** A reservation without a status is taken over by a repeat after this; default 60 s. */
  readonly reservationMs?: number;
  /** Clock, randomness and cryptography: for tests. */
  readonly env?: () => Env;
  /** For the owner's log, without secrets or anybody's name: lines of text, or a logger such as pino. Default: `console.warn`. */
  readonly log?: Logger | ((line: string) => void);
  readonly onProblem?: (problem: Problem) => void;
};

export const METHODS = ['scrip', 'payword', 'ecash', 'cheque'] as const;
export type MethodName = (typeof METHODS)[number];

export type Text = string | ((req: Request) => string);

export type WallOptions = {
  /** With `unit`: the price of one unit. */
  readonly price: PriceOption;
  /** What is counted, such as `second` or `call`: wallets that can pay many times on one opening are offered a session. */
  readonly unit?: string;
  /** Units that one request takes; default 1. */
  readonly units?: number | ((req: Request) => number | Promise<number>);
  /** What is bought, at most 120 characters: wallets show it. */
  readonly description?: Text;
  /** Views without payment for each client and period. */
  readonly free?: { readonly count: number; readonly per: 'day' | 'hour'; readonly key?: (req: Request) => string };
  /** `success` (default): charged only when the answer is below 400. `upfront`: charged before the handler runs. */
  readonly settle?: 'upfront' | 'success';
  /** Own id of the route, where the path is not one (several walls of one price class). */
  readonly scope?: string;
  /** For routes where `Authorization` carries the site's own login. */
  readonly header?: 'Payment-Authorization';
  /** Pages of other origins may pay: `true` for all, or a list. */
  readonly cors?: boolean | readonly string[];
  /** For the page that people see. */
  readonly title?: Text;
  readonly teaser?: Text;
};

/** `price` is that of one unit, and each chunk of the source is one. */
export type StreamOptions = Omit<WallOptions, 'unit' | 'units' | 'free' | 'settle'> & {
  readonly unit: string;
  /** Content-Type; default `text/event-stream`, where the middleware adds events of its own. */
  readonly type?: string;
  /** How long a stream waits for the next word; default and most 60 s. */
  readonly holdMs?: number;
};

/** What is sold is told by the function beside it, and described by its offer. */
export type SealedOptions = Omit<WallOptions, 'unit' | 'units' | 'free' | 'settle' | 'description'> & {
  /** Its name at the site, which wallets show and save it under; default: the last part of the path. At most 80 characters. */
  readonly item?: Text;
  /** Media type of the plaintext; default `application/octet-stream`. */
  readonly media?: string;
};

export const STREAM_HOLD_MS = 60_000;

const FARTHING =
  'broker data store origin origins name vnd api secret invite licence methods payword ecash cheque goods reservationMs env log onProblem';
const WALL = 'price unit units description free settle scope header cors title teaser';

/** @throws {SetupError} `option-unknown`, `option-invalid` */
export function checkFarthingOptions(options: FarthingOptions): void {
  known('farthing()', options, FARTHING);
  need(typeof options.data === 'string' && options.data !== '', 'data', 'a folder such as ./farthing');
  const { api = '/farthing', reservationMs: patience = 1 } = options;
  need(
    /^\/[A-Za-z0-9._~/-]{1,100}[A-Za-z0-9._~-]$/.test(api),
    'api',
    "the path of app.use(…, pay.routes()), such as '/farthing'",
  );
  need(Number.isSafeInteger(patience) && patience > 0, 'reservationMs', 'a positive number of milliseconds');
  const { methods = ['scrip'], payword = {} } = options;
  need(
    methods.length > 0 && methods.every((name) => METHODS.includes(name)) && new Set(methods).size === methods.length,
    'methods',
    "a list of 'scrip', 'payword', 'ecash' and 'cheque'",
  );
  known('farthing({ payword })', payword, 'fundings maxStep idleMs');
  const { fundings = ['credit'], maxStep = 1, idleMs = 1 } = payword;
  need(
    fundings.length > 0 && fundings.every((name) => ['credit', 'prepaid'].includes(name)),
    'payword.fundings',
    "a list of 'credit' and 'prepaid'",
  );
  need(between(maxStep, limits.wordStepMax), 'payword.maxStep', `1 to ${limits.wordStepMax}`);
  need(between(idleMs, limits.sessionIdleMaxMs), 'payword.idleMs', `1 to ${limits.sessionIdleMaxMs} milliseconds`);
  checkEcash(options.ecash);
  checkCheque(options.cheque);
  checkGoods(options.goods);
  need(options.vnd === undefined || /^[a-z0-9.:-]{1,64}$/.test(options.vnd), 'vnd', 'a-z 0-9 . : - up to 64');
}

function checkCheque(cheque: ChequeOptions = {}): void {
  known('farthing({ cheque })', cheque, 'offlineMax minLevel captures');
  const { offlineMax = '1', minLevel = 0, captures = ['now'] } = cheque;
  need(isAmount(offlineMax), 'cheque.offlineMax', "an amount in whole units such as '0.50'");
  need([0, 1, 2].includes(minLevel), 'cheque.minLevel', '0, 1 or 2');
  const ways = ['now', 'deferred', 'aggregated'];
  need(
    Array.isArray(captures) && captures.length > 0 && captures.every((one) => ways.includes(one)),
    'cheque.captures',
    "a list of 'now', 'deferred' and 'aggregated'",
  );
}

function isAmount(text: string): boolean {
  try {
    return wholeUnits(text) > 0n;
  } catch {
    return false;
  }
}

const GOODS_BYTES = 17_179_869_184;

function checkGoods(goods: GoodsOptions = {}): void {
  known('farthing({ goods })', goods, 'folder maxBytes');
  const { folder = 'goods', maxBytes = GOODS_BYTES } = goods;
  need(typeof folder === 'string' && folder !== '', 'goods.folder', 'a folder such as ./goods');
  need(Number.isSafeInteger(maxBytes) && maxBytes > 0, 'goods.maxBytes', 'a positive number of bytes');
}

/** Where the ciphertexts of goods lie. */
export const goodsIn = ({ goods = {}, data }: FarthingOptions): Required<GoodsOptions> => ({
  folder: resolve(goods.folder ?? join(data, 'goods')),
  maxBytes: goods.maxBytes ?? GOODS_BYTES,
});

/** So that 0.0005 to 0.08 are paid by four coins at most. */
const DENOMINATIONS = ['0.0005 USD', '0.001 USD', '0.002 USD', '0.005 USD', '0.01 USD', '0.02 USD'];

function checkEcash(ecash: EcashOptions = {}): void {
  known('farthing({ ecash })', ecash, 'denominations online');
  const { denominations = DENOMINATIONS, online = true } = ecash;
  need(typeof online === 'boolean', 'ecash.online', 'true or false');
  const most = limits.lockedDenominations;
  const isList = Array.isArray(denominations) && denominations.every((one) => typeof one === 'string');
  need(
    isList && denominations.length >= (online ? 0 : 1) && denominations.length <= most,
    'ecash.denominations',
    `1 to ${most} prices such as '0.001 USD', or none where coins are taken on line`,
  );
  const prices = denominationsOf(ecash).map(({ amount, currency }) => `${currency} ${amount}`);
  need(new Set(prices).size === prices.length, 'ecash.denominations', 'prices that differ');
}

/** @throws {SetupError} `price-invalid` */
export const denominationsOf = ({ denominations = DENOMINATIONS }: EcashOptions = {}): Money[] =>
  denominations.map(checkPrice);

/** @throws {SetupError} `option-unknown`, `option-invalid`, `price-invalid` */
export function checkWallOptions(options: WallOptions): void {
  known('wall()', options, WALL);
  const { price, description, free, settle = 'success', header, scope, cors = false } = options;
  need(
    ['string', 'function'].includes(typeof price),
    'price',
    "a price such as '0.0015 USD', or a function of the request",
  );
  if (typeof price === 'string') checkPrice(price);
  const { unit, units = 1 } = options;
  need(unit === undefined || /^[a-z][a-z0-9_-]{0,31}$/.test(unit), 'unit', "a word such as 'second'");
  need(unit !== undefined || options.units === undefined, 'units', 'a unit beside it');
  need(typeof units === 'function' || between(units, limits.sessionUnits), 'units', `1 to ${limits.sessionUnits}`);
  if (typeof description === 'string') {
    need(
      [...description].length <= limits.descriptionChars,
      'description',
      `at most ${limits.descriptionChars} characters`,
    );
  }
  need(['success', 'upfront'].includes(settle), 'settle', "'success' or 'upfront'");
  need(
    header === undefined || header === 'Payment-Authorization',
    'header',
    "'Payment-Authorization', or leave it out",
  );
  need(scope === undefined || /^[ -~]{1,100}$/.test(scope), 'scope', 'up to 100 printable characters');
  need(typeof cors === 'boolean' || cors.every((origin) => URL.canParse(origin)), 'cors', 'true, or a list of origins');
  if (free === undefined) return;
  known('wall({ free })', free, 'count per key');
  need(Number.isSafeInteger(free.count) && free.count > 0, 'free.count', 'a whole number above 0');
  need(['day', 'hour'].includes(free.per), 'free.per', "'day' or 'hour'");
}

/** @throws {SetupError} `option-unknown`, `option-invalid`, `price-invalid` */
export function checkStreamOptions(options: StreamOptions, source: unknown): void {
  known('stream()', options, `${WALL} type holdMs`.replace(/units |free |settle /g, ''));
  const { type = 'text/event-stream', holdMs = STREAM_HOLD_MS, ...common } = options;
  checkWallOptions(common);
  need(options.unit !== undefined, 'unit', "a word such as 'second'");
  need(/^[ -~]{3,100}$/.test(type), 'type', "a media type such as 'text/event-stream'");
  need(between(holdMs, STREAM_HOLD_MS), 'holdMs', `1 to ${STREAM_HOLD_MS} milliseconds`);
  need(
    typeof source === 'function',
    'source',
    'a function of the request that gives an async iterable, one chunk a unit',
  );
}

/** @throws {SetupError} `option-unknown`, `option-invalid`, `price-invalid` */
export function checkSealedOptions(options: SealedOptions, source: unknown): void {
  known('sealed()', options, `${WALL} item media`.replace(/unit |units |description |free |settle /g, ''));
  const { item, media = 'application/octet-stream', ...common } = options;
  checkWallOptions(common);
  need(typeof item !== 'string' || itemName(item) === item, 'item', `up to ${ITEM_CHARS} printable characters`);
  need(['string', 'function', 'undefined'].includes(typeof item), 'item', 'a name, or a function of the request');
  need(/^[!-~]+\/[ -~]{1,80}$/.test(media), 'media', "a media type such as 'image/png'");
  need(typeof source === 'function', 'source', 'a function of the request that gives a path, bytes or a stream');
}

/** An offer travels in a challenge of 2 KB. */
const ITEM_CHARS = 80;

/** A name as it stands in an offer, or `undefined`. */
export function itemName(text: string | undefined): string | undefined {
  const name = [...(cleanText(text) ?? '')].slice(0, ITEM_CHARS).join('');
  return name === '' ? undefined : name;
}

function checkPrice(price: string): Money {
  try {
    return parsePrice(price);
  } catch (error) {
    throw new SetupError('price-invalid', error instanceof PaymentProblem ? (error.extra.detail ?? '') : '', {
      cause: error,
    });
  }
}
