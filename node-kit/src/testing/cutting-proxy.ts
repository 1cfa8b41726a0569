// A connection to PostgreSQL that breaks at the worst moment: when the server has committed and nobody has heard it yet.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Between a program and its PostgreSQL; on demand it lets nobody hear that the server has committed. */
export async function cuttingProxy(port: number) {
  const state = { said: '', cuts: 0 };
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    client.on('data', (chunk) => upstream.write(chunk));
    upstream.on('data', (chunk) => {
      // What the server says when it has committed.
      const cuts = state.said !== '' && chunk.includes(`${state.said}\0`, 0, 'latin1');
      if (!cuts) return void client.write(chunk);
      state.said = '';
      state.cuts++;
      client.destroy();
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    /** @param said of a statement that is a transaction of its own, another word than of one that is not, such as SELECT 1 */
    cutAtCommit(said = 'COMMIT') {
      state.said = said;
    },
    get cuts() {
      return state.cuts;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
