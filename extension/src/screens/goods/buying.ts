// The steps from a yes to the file: fetch, compare, pay, open. Whatever stops on the way, the next try goes on from there and
// pays nothing twice.
import { useRef, useState } from 'preact/hooks';
import type { Answers } from '../../messages.ts';
import { Refused, send } from '../../ui/client.ts';
import type { GoodsView } from '../../view.ts';
import { Download, openGoods } from './bytes.ts';

type Refund = Answers['disputeGoods'];
export type Step = 'asking' | 'fetching' | 'paying' | 'opening' | 'done' | 'wrong';
type State = {
  readonly step: Step;
  /** Bytes of the step that runs. */
  readonly done: number;
  readonly of: number;
  readonly problem?: string;
  /** Address of the opened goods, while this page stands. */
  readonly file?: string;
  /** They were paid for and are not what was promised: what the broker says. */
  readonly refund?: Refund;
};
export type Buying = State & {
  /** `maxMicro`: what the person says yes to; without it a rule pays, or it was paid before. */
  readonly begin: (maxMicro: bigint | undefined) => void;
};

export function useBuying(view: GoodsView): Buying {
  const [state, setState] = useState<State>({ step: 'asking', done: 0, of: 1 });
  const download = useRef(new Download(view));
  const at = (step: Step) => (done: number, of: number) => setState({ step, done, of });
  const run = async (maxMicro: bigint | undefined): Promise<State> => {
    const sealed = await download.current.fetch(at('fetching'));
    at('paying')(1, 1);
    const { url, ct: goods, size } = view;
    const yes = maxMicro === undefined ? {} : { maxMicro: String(maxMicro) };
    const { key, paymentId } = await send('buyGoods', { url, goods, ...yes });
    at('opening')(0, size);
    try {
      const file = await openGoods(sealed, key, { ...view, progress: at('opening') });
      return { step: 'done', done: size, of: size, file: URL.createObjectURL(file) };
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'goods-wrong') throw error;
      const wrong = { step: 'wrong', done: 0, of: 1, problem: 'goods-wrong' } as const;
      // Only the broker of a cheque has seen what was promised; what it says may also be that it cannot say.
      return send('disputeGoods', { paymentId, goods }).then(
        (refund) => ({ ...wrong, refund }),
        () => wrong,
      );
    }
  };
  const begin = (maxMicro: bigint | undefined) => {
    if (state.step !== 'asking') return;
    at('fetching')(0, 1);
    run(maxMicro).then(setState, (error) => {
      const problem = error instanceof Refused ? error.code : 'storage-fault';
      setState({ step: 'asking', done: 0, of: 1, problem });
    });
  };
  return { ...state, begin };
}
