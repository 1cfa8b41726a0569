// A connection to one server, as the client library makes it: nothing waits in it, and nothing is sent twice.
import { createClient, ErrorReply } from '@redis/client';
import type { Reply } from './lines.ts';

/** Connected to one server. */
export type Wire = {
  send(args: readonly string[]): Promise<Reply>;
  /** When everything is answered. */
  close(): void;
  destroy(): void;
};

const CONNECT_MS = 5_000;

/** @param onEnd it broke, or was ended */
export async function wireTo(url: string, onEnd: (wire: Wire) => void): Promise<Wire> {
  const client = createClient({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    clientInfoTag: 'farthing',
    socket: { connectTimeout: CONNECT_MS, reconnectStrategy: false, keepAlive: true, noDelay: true },
  });
  const wire: Wire = {
    send: (args) => client.sendCommand<Reply>([...args]),
    close: () => void client.close().catch(() => {}),
    destroy: () => void (client.isOpen && client.destroy()),
  };
  client.on('error', () => onEnd(wire));
  client.on('end', () => onEnd(wire));
  await client.connect();
  return wire;
}

/** The server has answered: it did nothing, and the connection is good. */
export const isReply = (error: unknown): error is Error => error instanceof ErrorReply;
