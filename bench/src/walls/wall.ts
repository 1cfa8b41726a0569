// What a wall is to the benchmark: the server's half, which is measured, and the load's half, which is not.
import type { Express, RequestHandler } from 'express';

export type Setup = {
  /** A folder of its own for what it stores. */
  readonly folder: string;
  /** Farthing's walls: where scrip is bought and redeemed. */
  readonly brokerUrl: string;
  /** 32 bytes shared by both halves, so that the load can make what is to be checked. */
  readonly secret: Uint8Array;
};

/** Measured in the server's process. */
export type Mounted = {
  /** Finishes work that the traffic caused and left for later, such as redeeming claims. */
  drain?(): Promise<void>;
  close?(): Promise<void>;
};

/** Where the gated page is. */
export const PAGE = '/article/:id';
export const TARGET = '/article/1';

export type Wall = {
  mount(app: Express, page: RequestHandler, setup: Setup): Promise<Mounted>;
  /** In the load's process: `count` header lines that each pay for one request of `TARGET`, none used before. */
  payer(url: string, setup: Setup): Promise<(count: number) => Promise<string[]>>;
};
