// The free quota of a wall: counted by a keyed hash of the client, so that no address is stored.
import { createHmac } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Request } from 'express';
import type { WallOptions } from './options.ts';
import type { Site } from './site.ts';

const PERIOD_MS = { day: 86_400_000, hour: 3_600_000 } as const;

/** Takes one free view: true while the quota of this client lasts. */
export async function takeFree(
  site: Site,
  free: WallOptions['free'],
  ask: { req: Request; scope: string },
): Promise<boolean> {
  if (!free) return false;
  const { nowMs } = site.env();
  const length = PERIOD_MS[free.per];
  const period = Math.floor(nowMs / length);
  const client = free.key ? String(free.key(ask.req)) : network(ask.req.ip ?? '');
  const key = createHmac('sha256', site.quotaKey)
    .update(JSON.stringify([ask.scope, free.per, period, client]))
    .digest('base64url');
  return site.store.take(key, free.count, (period + 1) * length);
}

/** One household has many IPv6 addresses: its /64 counts. */
function network(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address.replace('::ffff:', '');
  const [head = '', tail = ''] = address.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail.split(':').filter(Boolean);
  const zeros = address.includes('::') ? Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0') : [];
  return [...left, ...zeros, ...right].slice(0, 4).join(':');
}
