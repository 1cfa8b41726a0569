// A whole site for tests: tiny broker, middleware, Express on port 0, and a client that pays with the wallet's own role.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeEnv } from '@farthing/node-kit';
import {
  type Challenge,
  type Credential,
  type JsonObject,
  printCredential,
  type Receipt,
  readChallenges,
  readReceipt,
  readRequest,
} from '@farthing/protocol';
import { type ScripPiece, scripWallet } from '@farthing/protocol/wallet';
import express5, { type Express } from 'express';
import { type Farthing, type FarthingOptions, farthing } from '../index.ts';
import { type TinyBroker, tinyBroker } from './tiny-broker.ts';

/** An alias of the package, which brings no types of its own. */
const require = createRequire(import.meta.url);
const express4: typeof express5 = require('express4');

export type TestSite = {
  readonly app: Express;
  readonly express: typeof express5;
  readonly pay: Farthing;
  readonly broker: TinyBroker;
  readonly url: string;
  readonly port: number;
  readonly data: string;
  readonly log: string[];
  close(): Promise<void>;
};

export type SiteOptions = Partial<FarthingOptions> & { express?: 4 | 5; on?: TinyBroker };

export async function testSite(options: SiteOptions = {}): Promise<TestSite> {
  const { express: version = 5, on, ...given } = options;
  const broker = on ?? (await tinyBroker());
  const data = given.data ?? (await mkdtemp(join(tmpdir(), 'farthing-site-')));
  const log: string[] = [];
  const pay = await farthing({ broker: broker.url, data, log: (line) => log.push(line), ...given });
  const express = version === 5 ? express5 : express4;
  const app = express();
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    app,
    express,
    pay,
    broker,
    url: `http://127.0.0.1:${port}`,
    port,
    data,
    log,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await pay.close();
      if (!on) await broker.close();
      if (given.data === undefined) await rm(data, { recursive: true, force: true });
    },
  };
}

export type Paid = { readonly credential: Credential; readonly header: string; readonly challenge: Challenge };

/** The credential for a challenge: what a wallet would send. */
export function credentialFor(
  challenge: Challenge,
  piece: ScripPiece,
  { target, digest = '' }: { target: string; digest?: string },
): Paid {
  const request = readRequest(challenge);
  if (!request) throw new Error('the challenge cannot be read');
  const payload = scripWallet.pay(piece, { challenge, request, target, digest }, nodeEnv());
  const credential = { challenge, payload };
  return { credential, header: printCredential(credential), challenge };
}

export const challengesOf = (answer: Response): Challenge[] =>
  readChallenges([answer.headers.get('www-authenticate') ?? '']);

/** Asks, pays with the piece, and asks again. */
export async function buy(
  url: string,
  piece: ScripPiece,
  init: RequestInit & { headers?: Record<string, string> } = {},
): Promise<{ answer: Response; paid: Paid; receipt: Receipt | undefined; change: readonly ScripPiece[] }> {
  const asked = await fetch(url, { redirect: 'manual', ...init });
  const [challenge] = challengesOf(asked);
  if (asked.status !== 402 || !challenge) throw new Error(`expected 402 with a challenge, got ${asked.status}`);
  await asked.arrayBuffer();
  const { pathname, search } = new URL(url);
  const target = `${init.method ?? 'GET'} ${pathname}${search}`;
  const paid = credentialFor(challenge, piece, { target, ...(challenge.digest ? { digest: challenge.digest } : {}) });
  const answer = await fetch(url, {
    redirect: 'manual',
    ...init,
    headers: { ...init.headers, [challenge.header ?? 'Authorization']: paid.header },
  });
  const text = answer.headers.get('payment-receipt');
  const receipt = text === null ? undefined : readReceipt(text);
  return { answer, paid, receipt, change: receipt ? accept(piece, paid.challenge, { target, receipt }) : [] };
}

function accept(piece: ScripPiece, challenge: Challenge, { target, receipt }: { target: string; receipt: Receipt }) {
  const request = readRequest(challenge);
  if (!request) throw new Error('the challenge cannot be read');
  return scripWallet.accept(piece, { challenge, request, target, digest: challenge.digest ?? '', receipt }, nodeEnv());
}

export async function problemOf(answer: Response): Promise<JsonObject> {
  const body: JsonObject = JSON.parse(await answer.text());
  return body;
}
