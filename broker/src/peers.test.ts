import { randomBytes } from 'node:crypto';
import { vendorRecordSchema, verifyObject } from '@farthing/protocol';
import { ecashPeersSchema, keyListHash, keysetsResult, readKeyList } from '@farthing/protocol/broker';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { listPeers } from './operate-peers.ts';
import type { Bench } from './testing/client.ts';
import { foreign, Pair } from './testing/pair.ts';

const challenge = () => randomBytes(32).toString('base64url');
const audited = async (bench: Bench) => (await bench.audit()).findings;
const balanceAt = async (bench: Bench): Promise<string> => {
  const { peers } = (await listPeers(bench.place)).json as { peers: { balance: string }[] };
  return peers[0]?.balance ?? '';
};

describe('Coins of another broker', () => {
  it('pay a site through its own broker, which the other one then owes them', async () => {
    await using pair = await new Pair().start();
    const { issuer, other } = pair;
    const site = await pair.site();
    const alice = await pair.holder();
    await alice.withdraw([10n, 5n]);
    const taken = alice.take(7n);
    const answer = await foreign(site, pair.issuer).present(alice.sign(taken, site, challenge(), 7n), false);
    expect(answer['receipt']).toMatchObject({
      brk: issuer.public.brk,
      via: other.public.brk,
      amount: '7',
      state: 'paid',
    });
    alice.finish(taken.change.planned, answer['change']);
    expect(alice.worth).toBe(8n);
    expect(await site.statement({ vnd: site.vnd })).toMatchObject({ balance: '7' });
    expect(await balanceAt(issuer)).toBe('7');
    expect(await balanceAt(other)).toBe('-7');
    expect(await audited(issuer)).toEqual([]);
    expect(await audited(other)).toEqual([]);
  });

  it('are held while the site delivers, and owed when it captures', async () => {
    await using pair = await new Pair().start();
    const { issuer, other } = pair;
    const site = await pair.site();
    const at = foreign(site, pair.issuer);
    const alice = await pair.holder();
    await alice.withdraw([5n, 5n]);
    const [first, second] = [challenge(), challenge()];
    await at.present(alice.sign(alice.take(5n), site, first, 5n), true);
    const voided = alice.take(5n);
    await at.present(alice.sign(voided, site, second, 5n), true);
    expect(await balanceAt(other)).toBe('0');
    expect(await at.captureHeld(first)).toMatchObject({ paid: [first], gone: [], balance: '5' });
    expect(await at.voidHeld(first, second)).toMatchObject({ freed: [second], gone: [first] });
    await alice.swap(voided.coins, [5n]);
    expect(await balanceAt(issuer)).toBe('5');
    expect(await balanceAt(other)).toBe('-5');
    expect(await audited(issuer)).toEqual([]);
    expect(await audited(other)).toEqual([]);
  });

  it('are told to sites with the list of their keysets, as the broker that made them signed it', async () => {
    await using pair = await new Pair().start();
    const { issuer, other } = pair;
    const { crypto } = other.env();
    const json = await (await fetch(`${other.url}/v1/ecash/peers`)).json();
    const told = v.parse(ecashPeersSchema, json);
    expect(verifyObject(told, other.public.root, told.sig, crypto)).toBe(true);
    const { list, keysets } = v.parse(
      keysetsResult,
      await (await fetch(`${other.url}/v1/ecash/peers/${issuer.public.brk}/keysets`)).json(),
    );
    expect(readKeyList({ list, records: keysets }, issuer.public, crypto)).toHaveLength(4);
    const { brk, root } = issuer.public;
    expect(told.peers).toEqual([{ brk, root, url: issuer.url, list: keyListHash(list, crypto), cur: ['usd-micro'] }]);
  });
});

describe('A site of another broker', () => {
  it('is vouched for on that broker’s word, which is said', async () => {
    await using pair = await new Pair().start();
    const { issuer, other } = pair;
    const site = await pair.site();
    const record = v.parse(vendorRecordSchema, await (await fetch(`${issuer.url}/v1/vendors/${site.vnd}`)).json());
    expect(record).toMatchObject({ brk: issuer.public.brk, via: other.public.brk, pk: site.pk, name: 'News' });
    expect(verifyObject(record, issuer.public.root, record.sig, issuer.env().crypto)).toBe(true);
    expect((await fetch(`${issuer.url}/v1/vendors/nobody.example`)).status).toBe(404);
  });

  it('is not vouched for when the other broker is away, and neither is it denied', async () => {
    await using pair = await new Pair().start();
    const site = await pair.site();
    await pair.other.stop();
    const reply = await fetch(`${pair.issuer.url}/v1/vendors/${site.vnd}`);
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '5']);
  });
});
