// No wall: the same app and the same content, which everything else is compared with.
import { freeStream } from './content.ts';
import { PAGE, STREAM, type Wall } from './wall.ts';

export const free: Wall = {
  async mount(app, { page, ticks }) {
    app.get(PAGE, page);
    app.get(STREAM, freeStream(ticks));
    return {};
  },
  async payer() {
    const line = 'Accept: */*';
    return { pages: async (count) => Array.from({ length: count }, () => line), stream: async () => line };
  },
};
