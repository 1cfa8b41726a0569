// The Harbour Gazette in this process, so that what it hands out can be counted, with a broker and a browser whose wallet
// has demo money: the scene of the specs about what is paid by the unit.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express, { type RequestHandler } from 'express';
import { creditOfSites } from '../demo/books.ts';
import { makeSite } from '../site/site.ts';
import { type Visit, visit } from './browser.ts';
import { type Desk, sitDown } from './desk.ts';
import { type Running, startBrokerProcess } from './processes.ts';

export type Served = {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** 0 until the answer has ended. */
  status: number;
  /** Pieces of the body that were handed to the connection: a stream hands out one a unit. */
  pieces: number;
};

export type Newsstand = {
  readonly broker: Running;
  /** Folder of the broker, for its audit. */
  readonly books: string;
  readonly site: string;
  /** Folder of the site, with its keys and its sealed goods. */
  readonly data: string;
  readonly served: Served[];
  readonly browser: Visit;
  readonly desk: Desk;
  /** Lets the site claim what it has earned; what the broker has credited in all, in base units. */
  redeem(): Promise<bigint>;
  /** Cuts every connection of the site, as a bad network does. */
  cut(): void;
  close(): Promise<void>;
};

export async function openNewsstand(): Promise<Newsstand> {
  const folder = mkdtempSync(join(tmpdir(), 'farthing-newsstand-'));
  const books = join(folder, 'broker');
  const broker = await startBrokerProcess(books);
  const data = join(folder, 'site');
  const gazette = await makeSite({ broker: broker.url, data });
  const served: Served[] = [];
  const server = createServer(express().use(counted(served), gazette.app));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = await visit({ brokerUrl: broker.url, demoUrl: site, profile: join(folder, 'profile') });
  const desk = await sitDown(browser);
  await desk.tell('start');
  return {
    broker,
    books,
    site,
    data,
    served,
    browser,
    desk,
    async redeem() {
      await gazette.redeemNow();
      return creditOfSites(books);
    },
    cut: () => server.closeAllConnections(),
    async close() {
      await browser.close();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      await gazette.close();
      await broker.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const counted =
  (served: Served[]): RequestHandler =>
  (req, res, next) => {
    const one: Served = { method: req.method, url: req.url, status: 0, pieces: 0 };
    served.push(one);
    const write = res.write.bind(res) as (...piece: unknown[]) => boolean;
    res.write = (...piece: unknown[]) => {
      one.pieces++;
      return write(...piece);
    };
    res.once('close', () => {
      one.status = res.statusCode;
    });
    next();
  };
