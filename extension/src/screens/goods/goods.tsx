// Sealed goods in a tab of their own: what is sold, fetched and compared before anything is paid, then paid, opened and saved.
import { useEffect, useRef, useState } from 'preact/hooks';
import { isPrivate } from '../../browser.ts';
import { keptBytes } from '../../kept-goods.ts';
import { Refused, send } from '../../ui/client.ts';
import { Icon } from '../../ui/icons.tsx';
import { Money } from '../../ui/money.tsx';
import { Avatar, Button, Chip, Host, Live, Meter, Problem, Title } from '../../ui/parts.tsx';
import { type Key, localeTag, t, tx } from '../../ui/t.ts';
import type { GoodsView } from '../../view.ts';
import { PayButton } from '../approve/pay-button.tsx';
import { Price, Terms } from '../approve/question.tsx';
import { Unlock } from '../unlock.tsx';
import { type Buying, type Step, useBuying } from './buying.ts';
import { nameOf, sizeText } from './name.ts';

export function Goods() {
  const params = new URLSearchParams(location.search);
  const url = params.get('url') ?? '';
  const byRule = params.get('by') === 'rule';
  const [view, setView] = useState<GoodsView>();
  const [problem, setProblem] = useState<string>();
  const load = () => {
    setProblem(undefined);
    send('goods', { url }).then(setView, (error) =>
      setProblem(error instanceof Refused ? error.code : 'storage-fault'),
    );
  };
  useEffect(load, []);
  if (view) return <Sale view={view} begins={byRule && view.state !== 'ask'} />;
  if (problem === undefined) return <div class="popup" />;
  return (
    <div class="popup">
      <main class="m">
        <Title>{t('goods_title')}</Title>
        {problem === 'wallet-locked' ? <Unlock unlocked={load} /> : <Problem code={problem} />}
        {problem !== 'wallet-locked' && <Button onPress={load}>{t('action_again')}</Button>}
      </main>
    </div>
  );
}

const TITLES: Partial<Record<Step, Key>> = { done: 'goods_done', wrong: 'goods_wrong' };

function Sale({ view, begins }: { view: GoodsView; begins: boolean }) {
  const buying = useBuying(view);
  const offer = view.state === 'paid' ? undefined : view.offer;
  const { step, problem } = buying;
  const buy = () => buying.begin(begins ? undefined : offer?.amountMicro);
  const begun = useRef(false);
  useEffect(() => {
    if (!begins || begun.current) return;
    begun.current = true;
    buy();
  }, []);
  const [here, setHere] = useState(0);
  useEffect(() => void keptBytes(view.ct).then(setHere, () => undefined), [step]);
  const notNow = () => void send('declineGoods', { url: view.url }).finally(() => window.close());
  return (
    <div class="popup">
      <header>
        <Icon name="wallet" />
        <b class="s">{t('payment_request')}</b>
        {offer?.broker.test && <Chip tone="warn">{t('test')}</Chip>}
        {isPrivate && <Chip>{t('private')}</Chip>}
      </header>
      <main class="m">
        <Title>{t(TITLES[step] ?? 'goods_title')}</Title>
        {problem === 'wallet-locked' && <Unlock unlocked={buy} />}
        {problem !== undefined && problem !== 'wallet-locked' && <Problem code={problem} />}
        {step === 'asking' && problem === 'goods-wrong' && offer && <p>{t('goods_unpaid')}</p>}
        <What view={view} here={step === 'asking' ? here : 0} />
        <HowFar buying={buying} size={view.size} />
        {step === 'asking' && view.state === 'paid' && <p class="s">{t('goods_paid_before')}</p>}
        {step === 'asking' && offer && (
          <>
            <p class="s">{t('goods_first')}</p>
            <section class="card stack">
              <Price offer={offer} mostMicro={offer.amountMicro} />
              <Terms offer={offer} />
            </section>
          </>
        )}
      </main>
      <footer class="foot">
        {step === 'asking' && (
          <Button kind="quiet" onPress={notNow}>
            {t('not_now')}
          </Button>
        )}
        {step === 'asking' && offer && problem === undefined && (
          <PayButton view={{ id: view.ct, offer }} step="asking" mostMicro={offer.amountMicro} pay={buy} />
        )}
        {step === 'asking' && (!offer || problem !== undefined) && (
          <Button kind="primary" wide onPress={buy}>
            {t(problem === undefined ? 'goods_fetch' : 'action_again')}
          </Button>
        )}
        {step === 'wrong' && (
          <Button wide onPress={() => window.close()}>
            {t('close')}
          </Button>
        )}
        {step === 'done' && (
          <a class="btn primary grow" href={buying.file} download={nameOf(view.item)}>
            {t('goods_save')}
          </a>
        )}
      </footer>
    </div>
  );
}

/** `here`: bytes that an earlier visit has fetched. */
function What({ view: { site, item, media, size }, here }: { view: GoodsView; here: number }) {
  return (
    <section class="card stack">
      <div class="row">
        <Avatar of={site} />
        <div class="grow">
          <b class="ell block" dir="auto">
            {nameOf(item)}
          </b>
          <div class="muted s ell" dir="ltr">
            <Host origin={site} />
          </div>
        </div>
      </div>
      <dl class="kv s">
        <dt>{t('goods_kind')}</dt>
        <dd>
          <bdi dir="ltr">{media}</bdi>
        </dd>
        <dt>{t('goods_size')}</dt>
        <dd>{sizeText(size, localeTag())}</dd>
        {here > 0 && (
          <>
            <dt>{t('goods_here')}</dt>
            <dd>{sizeText(here, localeTag())}</dd>
          </>
        )}
      </dl>
    </section>
  );
}

/** The bar, or what came of it. */
function HowFar({ buying: { step, done, of, refund }, size }: { buying: Buying; size: number }) {
  if (step === 'asking') return null;
  if (step === 'wrong')
    return (
      <p class="banner" role="alert">
        {refund && refund.refundedMicro > 0n && refund.currency
          ? tx('goods_refunded', { amount: <Money amount={refund.refundedMicro} currency={refund.currency} /> })
          : t('goods_not_refunded')}
      </p>
    );
  const says = {
    fetching: t('goods_fetching'),
    paying: t('goods_paying'),
    opening: t('goods_opening'),
    done: t('goods_done_text'),
  }[step];
  const text = `${sizeText(done, localeTag())} / ${sizeText(of, localeTag())}`;
  return (
    <section class="card stack">
      <p>{says}</p>
      <Live>{says}</Live>
      {step === 'done' ? (
        <Meter label={t('goods_size')} part={1n} whole={1n} text={sizeText(size, localeTag())} />
      ) : (
        <Meter label={says} part={BigInt(done)} whole={BigInt(of)} text={text} />
      )}
    </section>
  );
}
