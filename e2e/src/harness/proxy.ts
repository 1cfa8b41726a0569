// A reverse proxy that a test can make fail at one exact moment: a request is held, or its connection is cut before the
// site has seen it, or after the site has done its work.
import { Agent, createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export type Hit = {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** True when it carried a credential. */
  readonly paid: boolean;
  /** The browser asked for it to show it, not a script and not the wallet. */
  readonly document: boolean;
  readonly body: string;
  /** What the site answered; 0 when it was not asked, or nobody got the answer. */
  status: number;
};
export type Fault = 'cut-before' | 'cut-after';
type Trap = {
  readonly when: (hit: Hit) => boolean;
  readonly once: boolean;
  readonly spring: (hit: Hit) => Promise<Fault | undefined>;
};

export type FaultyProxy = {
  readonly url: string;
  readonly hits: Hit[];
  /** Requests that fit have this fault until `stop`: a browser sends what was cut again by itself. */
  fail(when: (hit: Hit) => boolean, fault: Fault): { readonly failed: Promise<Hit>; readonly stop: () => void };
  /** The next request that fits waits before the site sees it, until `release` is called. */
  holdNext(when: (hit: Hit) => boolean): { readonly held: Promise<Hit>; readonly release: () => void };
  close(): Promise<void>;
};

export async function startProxy(target: string): Promise<FaultyProxy> {
  const hits: Hit[] = [];
  const traps = new Set<Trap>();
  const agent = new Agent({ keepAlive: false });
  const serve = async (req: IncomingMessage, res: ServerResponse) => {
    const body = await buffer(req);
    const paid = req.headers.authorization !== undefined;
    const document = req.headers['sec-fetch-dest'] === 'document';
    const { method = '', url = '' } = req;
    const hit: Hit = { method, url, paid, document, body: body.toString(), status: 0 };
    hits.push(hit);
    const trap = [...traps].find(({ when }) => when(hit));
    if (trap?.once) traps.delete(trap);
    const fault = await trap?.spring(hit);
    if (fault === 'cut-before') return void req.socket.destroy();
    const answer = await forward(req, body, { target, agent });
    if (fault === 'cut-after') return void req.socket.destroy();
    hit.status = answer.status;
    res.writeHead(answer.status, answer.rawHeaders);
    res.end(answer.body);
  };
  const server = createServer({ maxHeaderSize: 65_536 }, (req, res) => {
    serve(req, res).catch(() => req.socket.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hits,
    fail: (when, fault) => {
      const { promise: failed, resolve: had } = Promise.withResolvers<Hit>();
      const trap: Trap = {
        when,
        once: false,
        spring: async (hit) => {
          had(hit);
          return fault;
        },
      };
      traps.add(trap);
      return { failed, stop: () => void traps.delete(trap) };
    },
    holdNext: (when) => {
      const gate = Promise.withResolvers<void>();
      const held = new Promise<Hit>((here) => {
        traps.add({
          when,
          once: true,
          spring: async (hit) => {
            here(hit);
            await gate.promise;
            return undefined;
          },
        });
      });
      return { held, release: () => gate.resolve() };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      agent.destroy();
    },
  };
}

type Answer = { status: number; rawHeaders: string[]; body: Buffer };

/** Headers as they came, also several of one name. */
function forward(req: IncomingMessage, body: Buffer, to: { target: string; agent: Agent }): Promise<Answer> {
  return new Promise((done, fail) => {
    const { method, headers } = req;
    const out = send(
      `${to.target}${req.url}`,
      { method: method ?? 'GET', headers, agent: to.agent },
      async (answer) => {
        const { statusCode = 502, rawHeaders } = answer;
        buffer(answer).then((all) => done({ status: statusCode, rawHeaders, body: all }), fail);
      },
    );
    out.on('error', fail);
    out.end(body);
  });
}
