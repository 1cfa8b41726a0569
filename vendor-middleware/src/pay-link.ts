// The way from a 402 to the page of a broker, for people without a wallet of their own.
import { type Challenge, LOOPBACK, readRequest, textToBase64url } from '@farthing/protocol';
import type { Request } from 'express';
import { pathOf } from './scope.ts';
import type { Site } from './site.ts';
import { isLoopback } from './startup.ts';

/**
 * Where a person pays without a wallet. What is bought, and where, stands behind `#`: the broker's page reads it, its server does
 * not. `undefined`: no such page, or nothing that it can pay.
 */
export function payLink(
  { broker: { pay }, vnd, origins }: Site,
  challenges: readonly Challenge[],
  req: Request,
): string | undefined {
  const challenge = challenges.find(({ method, intent }) => method === 'cheque' && intent === 'charge');
  const origin = originAt(origins, req.get('host') ?? '');
  if (!pay || !challenge || !origin || req.method !== 'GET' || challenge.digest !== undefined) return undefined;
  const { sealed, minLevel } = readRequest(challenge)?.methodDetails ?? {};
  // Who pays there has no program that opens sealed goods, and no wallet's key.
  if (sealed !== undefined || minLevel === 2) return undefined;
  const offer = textToBase64url(JSON.stringify({ challenge, at: origin + pathOf(req) }));
  return `${pay}?site=${encodeURIComponent(vnd)}#${offer}`;
}

/** Of the registered origins the one that was asked, else the first: the address of a request is no authority. */
function originAt(origins: readonly string[], host: string): string | undefined {
  const local = `http://${host}`;
  if (origins.includes(LOOPBACK) && URL.canParse(local) && isLoopback(local)) return new URL(local).origin;
  const web = origins.filter((origin) => origin !== LOOPBACK);
  return web.find((origin) => new URL(origin).host === host.toLowerCase()) ?? web[0];
}
