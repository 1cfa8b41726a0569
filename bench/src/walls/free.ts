// No wall: the same app and the same content, which everything else is compared with.
import { once } from 'node:events';
import { PAGE, STREAM, type Wall } from './wall.ts';

export const free: Wall = {
  async mount(app, { page, ticks }) {
    app.get(PAGE, page);
    app.get(STREAM, async (req, res) => {
      res.status(200).setHeader('Content-Type', 'text/event-stream');
      res.flushHeaders();
      for await (const tick of ticks(Number(req.params['units']))) if (!res.write(tick)) await once(res, 'drain');
      res.end();
    });
    return {};
  },
  async payer() {
    const line = 'Accept: */*';
    return { pages: async (count) => Array.from({ length: count }, () => line), stream: async () => line };
  },
};
