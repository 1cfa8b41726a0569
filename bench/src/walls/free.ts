// No wall: the same app and the same page, which everything else is compared with.
import { PAGE, type Wall } from './wall.ts';

export const free: Wall = {
  async mount(app, page) {
    app.get(PAGE, page);
    return {};
  },
  async payer() {
    return async (count) => Array.from({ length: count }, () => 'Accept: application/json');
  },
};
