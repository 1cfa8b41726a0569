// The socket side of the service: bounds for clients, and an end that answers what was asked.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { limits } from '@farthing/protocol';

const DRAIN_MS = 5_000;

/** A client that is slow, greedy or silent costs a bounded time and a bounded number of sockets. */
export function bound(server: Server): void {
  server.headersTimeout = 10_000;
  // A dispute brings its goods along; any other body has less time (`body.ts`).
  server.requestTimeout = limits.disputeMs;
  server.keepAliveTimeout = 15_000;
  server.timeout = 60_000;
  server.maxHeadersCount = 100;
  server.maxRequestsPerSocket = 10_000;
  server.maxConnections = 4_096;
}

/** @throws {Error} the port is taken */
export const listen = (server: Server, at: { host: string; port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new Error(`port ${at.port} is taken: choose another with --port, or 0 for a free one`) : error);
    });
    server.listen(at, () => {
      resolve();
    });
  });

/**
 * Call it before anybody connects. The end: nobody is let in any more, connections on which nothing is asked are cut, and running
 * requests get some seconds, fewer than who sent the signal waits. What is cut is answered when it comes again.
 */
export function ending(server: Server): () => Promise<void> {
  const quiet = new Set<Socket>();
  let isEnding = false;
  server.on('connection', (socket) => {
    quiet.add(socket);
    socket.once('close', () => quiet.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    quiet.delete(socket);
    response.once('close', () => {
      if (isEnding) socket.end();
      else if (!socket.destroyed) quiet.add(socket);
    });
  });
  return () =>
    new Promise((resolve) => {
      isEnding = true;
      const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
      server.close(() => {
        clearTimeout(cut);
        resolve();
      });
      for (const socket of quiet) socket.destroy();
    });
}
