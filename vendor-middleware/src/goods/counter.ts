// The counter of one wall that sells sealed goods: what lies on it for a request, and what a buyer is given.
import { PaymentProblem, type SealedGoods } from '@farthing/protocol';
import type { Request, Response } from 'express';
import { attach, type Delivery, end } from '../deliver.ts';
import { itemName, type SealedOptions } from '../options.ts';
import { textOf } from '../quotes.ts';
import type { Site } from '../site.ts';
import type { Item } from './goods.ts';
import type { GoodsSource } from './source.ts';

/** How long a request waits for goods that are being sealed; then its client comes again. */
const PATIENCE_MS = 10_000;

export class Counter {
  readonly #site: Site;
  readonly #source: GoodsSource;
  readonly #item: SealedOptions['item'] | undefined;
  readonly #media: string;

  constructor(site: Site, { item, media }: SealedOptions, source: GoodsSource) {
    this.#site = site;
    this.#source = source;
    this.#item = item;
    this.#media = media ?? 'application/octet-stream';
  }

  /** What is sold at this request, whether or not it can be had now. */
  itemAt(req: Request): Item {
    const text = this.#item === undefined ? lastPart(req.path) : textOf(this.#item, req);
    return { item: itemName(text) ?? 'goods', media: this.#media };
  }

  /** `undefined`: there is nothing here. @throws {PaymentProblem} `site-not-ready` also while they are being sealed */
  async goods({ item }: Item, req: Request): Promise<SealedGoods | undefined> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const busy = new PaymentProblem('site-not-ready', { detail: 'these goods are being sealed', retryAfter: 5 });
    const timer = setTimeout(() => reject(busy), PATIENCE_MS);
    try {
      return await Promise.race([this.#shelved(item, req), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The owner's function may fail, or its file: that is no reason to give anything away. */
  async #shelved(item: string, req: Request): Promise<SealedGoods | undefined> {
    try {
      const content = await this.#source(req);
      return content === undefined ? undefined : await this.#site.goods.shelve(item, content);
    } catch (error) {
      const message = error instanceof Error ? error.message : 'unknown fault';
      this.#site.tell({ code: 'goods-failed', message: `${item} could not be sealed: ${message}` });
      if (error instanceof PaymentProblem) throw error;
      throw new PaymentProblem('site-not-ready', { detail: 'these goods cannot be had now', retryAfter: 30 });
    }
  }
}

function lastPart(path: string): string {
  const part = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The goods are out already, as ciphertext: what was bought is the key. A repeat gets it again. */
export function handOver(delivery: Delivery, res: Response): void {
  end(delivery, true);
  attach(delivery, res);
  res.status(200).setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify(delivery.visit.opening));
}
