// What a wall is to the benchmark: the server's half, which is measured, and the load's half, which is not.
import type { Express } from 'express';
import type { Content } from './content.ts';

export type Setup = {
  /** A folder of its own for what it stores. */
  readonly folder: string;
  /** Farthing's walls: where money is bought and redeemed. */
  readonly brokerUrl: string;
  /** 32 bytes shared by both halves, so that the load can make what is to be checked. */
  readonly secret: Uint8Array;
};

/** Measured in the server's process. */
export type Mounted = {
  /** Finishes work that the traffic caused and left for later, such as redeeming claims. */
  drain?(): Promise<void>;
  /** Gives the site a past: so many payments more. */
  fill?(count: number): Promise<void>;
  close?(): Promise<void>;
};

/** Where the gated page is. */
export const PAGE = '/article/:id';
export const TARGET = '/article/1';
/** A page of the same process that costs nothing, whatever the wall. */
export const FREE = '/free';
/** Where a large file is, as it is and as sealed goods. */
export const FILE = '/file';
export const GOODS = '/goods';
/** Where the gated stream is, for walls that have one. */
export const STREAM = '/stream/:units';
export const streamTarget = (units: number): string => `/stream/${units}`;
export const TICK_PRICE = '0.000001 USD';

/** Each header line pays for one request, and none was used before. */
export type Payer = {
  /** `count` lines or a few more, for `TARGET`. They are sent in this order. */
  pages(count: number): Promise<readonly string[]>;
  /** One line that pays for so many units of a stream at once. */
  stream?(units: number): Promise<string>;
  close?(): Promise<void>;
};

export type Wall = {
  mount(app: Express, content: Content, setup: Setup): Promise<Mounted>;
  /** In the load's process. */
  payer(url: string, setup: Setup): Promise<Payer>;
};
