// An EventSource whose stream is paid by the second behaves as the browser's own, and one that is free is the browser's own.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { typeAddress } from '../harness/desk.ts';
import { openStreet, type Street } from '../harness/street.ts';

let street: Street;
let reader: Page;
let site: string;
beforeAll(async () => {
  street = await openStreet();
  ({ reader } = street);
  site = street.shop.url;
});
afterAll(() => street.close());
beforeEach(async () => {
  await street.desk.setMode(site, 'auto');
  await typeAddress(reader, `${site}/`);
  await reader.getByRole('heading', { name: 'Front page' }).waitFor();
});

declare global {
  var source: EventSource;
  var log: string[];
}

/** Opens a source that writes down everything that it says: by listener, by name, and in the property. */
const listen = (path: string) =>
  reader.evaluate((address) => {
    globalThis.log = [];
    globalThis.source = new EventSource(address);
    const { source, log } = globalThis;
    log.push(`begins ${source.readyState}`);
    source.onopen = (event) => log.push(`${event.type} ${source.readyState}`);
    source.onmessage = ({ data, lastEventId, origin }) =>
      log.push(`${data} ${lastEventId} ${origin === location.origin} ${source.readyState}`);
    source.addEventListener('third', ({ data, lastEventId }) => log.push(`third ${data} ${lastEventId}`));
    source.addEventListener('error', () => log.push(`error ${source.readyState}`));
  }, path);
const seen = () => reader.evaluate(() => globalThis.log);

describe('a stream that costs by the second', () => {
  it('opens, brings its events in order under their names, and knows nothing of the 402', async () => {
    await listen('/ticks/order');
    street.shop.taps.give('order', 4);
    await expect.poll(seen).toEqual(['begins 0', 'open 1', '1 1 true 1', '2 2 true 1', 'third 3 3', '4 4 true 1']);
    const facts = await reader.evaluate(() => {
      const { source } = globalThis;
      const kind = Object.prototype.toString.call(source);
      return [source instanceof EventSource, kind, source.url, source.withCredentials, source.OPEN, EventSource.CLOSED];
    });
    expect(facts).toEqual([true, '[object EventSource]', `${site}/ticks/order`, false, 1, 2]);
    await reader.evaluate(() => globalThis.source.close());
  });

  it('is silent from close() on', async () => {
    await listen('/ticks/closing');
    street.shop.taps.give('closing', 1);
    await expect.poll(seen).toContain('1 1 true 1');
    const state = await reader.evaluate(() => {
      globalThis.source.close();
      return globalThis.source.readyState;
    });
    expect(state).toBe(2);
    street.shop.taps.give('closing', 1);
    await listen('/ticks/another');
    street.shop.taps.give('another', 1);
    await expect.poll(seen).toEqual(['begins 0', 'open 1', '1 1 true 1']);
  });

  it('reconnects by itself where it was cut, after the last event that came', async () => {
    await listen('/ticks/cut');
    street.shop.taps.give('cut', 2);
    await expect.poll(seen).toContain('2 2 true 1');
    street.shop.taps.end('cut');
    await expect.poll(seen).toContain('error 0');
    street.shop.taps.give('cut', 2);
    await expect
      .poll(seen)
      .toEqual(['begins 0', 'open 1', '1 1 true 1', '2 2 true 1', 'error 0', 'open 1', 'third 3 3', '4 4 true 1']);
    await reader.evaluate(() => globalThis.source.close());
  });

  it('fails as the browser’s own does where it is not paid', async () => {
    await street.desk.setMode(site, 'never');
    await listen('/ticks/never');
    await expect.poll(seen).toEqual(['begins 0', 'error 2']);
    expect(await reader.evaluate(() => globalThis.source.readyState)).toBe(2);
  });
});

describe('a source that costs nothing', () => {
  it('keeps the browser’s own events', async () => {
    const trusted = await reader.evaluate(
      () =>
        new Promise((done) => {
          const source = new EventSource('/free-ticks');
          source.onmessage = ({ data, isTrusted }) => {
            source.close();
            done([data, isTrusted, source.readyState]);
          };
        }),
    );
    expect(trusted).toEqual(['free', true, 2]);
  });

  it('that is not there fails for good', async () => {
    await listen('/nothing-here');
    await expect.poll(seen).toEqual(['begins 0', 'error 2']);
  });

  it('with an address that is none throws', async () => {
    const name = await reader.evaluate(() => {
      try {
        return new EventSource('http://[') && 'made';
      } catch (error) {
        return error instanceof DOMException ? error.name : 'other';
      }
    });
    expect(name).toBe('SyntaxError');
  });
});
