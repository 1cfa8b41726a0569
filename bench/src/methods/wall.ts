// Farthing's wall as a site owner writes it, for any method and store.
import { farthing } from '@farthing/vendor';
import { PAGE, STREAM, TICK_PRICE, type Wall } from '../walls/wall.ts';
import { type MethodName, methodOf, type StoreName, storeOf } from './index.ts';

export function farthingWall(methodName: MethodName, storeName: StoreName): Wall {
  const method = methodOf(methodName);
  const { site, unit, streams } = method;
  return {
    async mount(app, { page, ticks }, setup) {
      const { brokerUrl: broker, folder: data, secret } = setup;
      const store = storeOf(storeName).open(setup);
      const pay = await farthing({ ...site, broker, data, secret, store, name: 'Benchmark' });
      const price = { price: '0.0015 USD', description: 'An article', ...(unit === undefined ? {} : { unit }) };
      app.get(PAGE, pay.wall(price), page);
      if (streams) {
        const stream = pay.stream({ price: TICK_PRICE, unit: 'tick' }, (req) => ticks(Number(req.params['units'])));
        app.get(STREAM, stream);
      }
      app.use('/farthing', pay.routes());
      return {
        drain: () => pay.redeemNow(),
        fill: async (count) => (await method.past?.())?.fill(store, count),
        close: () => pay.close(),
      };
    },
    payer: async (url, setup) => (await method.payer())(url, setup),
  };
}
