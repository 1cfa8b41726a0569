// Calls to a broker over real sockets: what comes back, and what is known when nothing does.
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { callBroker, neverLeft } from './call.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('A call to a broker', () => {
  it('carries an order as JSON, and brings the status and the answer', async () => {
    let seen = '';
    const url = await serve((req, res) => {
      req.on('data', (part: Buffer) => {
        seen += `${req.method} ${req.url} ${req.headers['content-type']} ${part}`;
      });
      req.on('end', () => res.writeHead(409).end('{"code":"rid-conflict","text":"ü"}'));
    });
    const reply = await callBroker(`${url}/base/`, '/v1/order', '{"typ":"ü"}');
    expect(seen).toBe('POST /base/v1/order application/json {"typ":"ü"}');
    expect(reply).toEqual({ status: 409, json: { code: 'rid-conflict', text: 'ü' } });
  });

  it('goes to nobody else: a redirect is an answer', async () => {
    let calls = 0;
    const url = await serve((_req, res) => {
      calls++;
      res.writeHead(307, { location: '/elsewhere' }).end();
    });
    expect(await callBroker(url, '/v1/order', '{}')).toEqual({ status: 307, json: undefined });
    expect(calls).toBe(1);
  });

  it('reads no more than a megabyte', async () => {
    const url = await serve((_req, res) => res.end(Buffer.alloc(1_048_577)));
    await expect(callBroker(url, '/v1/keys')).rejects.toThrow(RangeError);
  });

  it('is made again when a kept connection was closed under it', async () => {
    let requests = 0;
    const url = await serve((req, res) => {
      requests++;
      // The second comes over the connection of the first, and finds it closed.
      if (requests === 2) return void req.socket.destroy();
      res.end('{}');
    });
    await callBroker(url, '/v1/keys');
    expect((await callBroker(url, '/v1/order', '{}')).status).toBe(200);
    expect(requests).toBe(3);
  });

  it('that found nobody never left; one that was cut off may have arrived', async () => {
    const gone = await serve((req) => req.socket.destroy());
    const cut = await callBroker(gone, '/v1/order', '{}').catch((error: unknown) => error);
    expect([cut instanceof Error, neverLeft(cut)]).toEqual([true, false]);
    server?.close();
    await once(server as Server, 'close');
    const refused = await callBroker(gone, '/v1/order', '{}').catch((error: unknown) => error);
    expect([refused instanceof Error, neverLeft(refused)]).toEqual([true, true]);
  });
});
