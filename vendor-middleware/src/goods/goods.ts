// Sealed goods of a site (NetBill): what its 402 promises, and the key that a payment for it releases. The key follows from the
// promise itself, so that a buyer who holds an older ciphertext gets the key to that one.
import {
  type Challenge,
  contentKey,
  type Env,
  isKeyOf,
  limits,
  type Price,
  readRequest,
  type SealedGoods,
  type SealedOffer,
  sealedOfferSchema,
  signOffer,
  toBase64url,
  tryDecode,
} from '@farthing/protocol';
import type { Response } from 'express';
import type { KeyRing } from '../keys.ts';
import { Shelf } from './shelf.ts';
import { type GoodsContent, shelve } from './source.ts';

export type GoodsOptions = {
  /** Folder of ciphertexts; default `goods` in `data`. */
  readonly folder?: string;
  /** All ciphertexts together; default 16 GiB. */
  readonly maxBytes?: number;
};

/** What a wall sells sealed: its name at the site, and its media type. */
export type Item = { readonly item: string; readonly media: string };

/** What a challenge promised, and the key to it (h32). */
export type Opening = { readonly offer: SealedOffer; readonly key: string };

type Parts = {
  readonly vnd: string;
  readonly api: string;
  readonly ring: KeyRing;
  readonly folder: string;
  readonly maxBytes: number;
};

/** How long a challenge that is made now may still be prepared again and answered. */
const OFFER_MS = 2 * limits.challengeLifeMs;

export class Goods {
  readonly #parts: Parts;
  readonly #shelf: Shelf;
  #secret: Uint8Array | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { folder, maxBytes } = parts;
    this.#shelf = new Shelf({ folder, maxBytes, keyOf: (sold) => contentKey(this.#goodsSecret(), sold) });
  }

  /** `undefined`: there is no such content. @throws {PaymentProblem} `site-not-ready` */
  shelve(item: string, content: GoodsContent): Promise<SealedGoods | undefined> {
    return shelve(this.#shelf, item, content);
  }

  offer(goods: SealedGoods, { item, media }: Item, { price, env }: { price: Price; env: Env }): SealedOffer {
    const { vnd, api, ring } = this.#parts;
    const unsigned = {
      typ: 'offer/1' as const,
      ...{ vnd, item, url: `${api}/goods/${goods.ct}`, media, ...goods },
      ...{ amount: price.amount.toString(), cur: price.currency },
      exp: Math.ceil((env.nowMs + OFFER_MS) / 1000),
    };
    return signOffer(unsigned, ring.seed, env.crypto);
  }

  /** Only for challenges that are ours: whoever knows what he asks for would be told the key. */
  opening(challenge: Challenge): Opening | undefined {
    const offer = tryDecode(sealedOfferSchema, readRequest(challenge)?.methodDetails['sealed']);
    const key = offer && toBase64url(contentKey(this.#goodsSecret(), offer));
    return offer && key && isKeyOf(key, offer.kc) ? { offer, key } : undefined;
  }

  /**
   * The ciphertext, for everybody, for ever: it says nothing without its key. Express answers ranges and conditions.
   * @param notHere nothing lies here under this digest
   */
  serve(ct: string, res: Response, notHere: () => void): void {
    // A cache that packed it again would change its digest.
    res.setHeader('Cache-Control', `public, max-age=${FOREVER}, immutable, no-transform`);
    res.setHeader('ETag', `"${ct}"`);
    res.setHeader('Content-Type', 'application/octet-stream');
    res.setHeader('X-Content-Type-Options', 'nosniff');
    res.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
    res.setHeader('Access-Control-Expose-Headers', 'Accept-Ranges, Content-Range, Content-Length, ETag');
    const how = { root: this.#shelf.folder, cacheControl: false, etag: false, lastModified: false };
    res.sendFile(
      this.#shelf.nameOf(ct),
      how,
      (error?: Error & { status?: number; headers?: Record<string, string> }) => {
        if (!error || res.headersSent || res.destroyed) return;
        for (const name of ['Cache-Control', 'ETag', 'Content-Type']) res.removeHeader(name);
        const { status = 404, headers = {} } = error;
        if (status === 404) return notHere();
        // A range outside of the file, or a condition that does not hold.
        res.status(status).set(headers).setHeader('Cache-Control', 'no-store');
        res.end();
      },
    );
  }

  /** Made when the first goods are sold. */
  #goodsSecret(): Uint8Array {
    this.#secret ??= this.#parts.ring.goods();
    return this.#secret;
  }
}

const FOREVER = 31_536_000;
