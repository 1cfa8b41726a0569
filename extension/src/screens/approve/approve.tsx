// The question "Pay for this page?": exact price, what follows from yes, and the rule for next time, on one screen.
import { useEffect, useState } from 'preact/hooks';
import { isPrivate } from '../../browser.ts';
import type { MessageInput } from '../../messages.ts';
import { Refused, send } from '../../ui/client.ts';
import { countdown } from '../../ui/dates.ts';
import { Icon } from '../../ui/icons.tsx';
import { Button, Chip, Problem, Title } from '../../ui/parts.tsx';
import { t, tx } from '../../ui/t.ts';
import type { ApprovalView } from '../../view.ts';
import { toWire } from '../rule-card.tsx';
import { Unlock } from '../unlock.tsx';
import { type Step, useEscape, useFollow, useReminder } from './follow.ts';
import { NextTime, useNextRule } from './next-time.tsx';
import { PayButton } from './pay-button.tsx';
import { Over, Question } from './question.tsx';

const HOUR_MS = 3_600_000;

export function Approve() {
  const [view, setView] = useState<ApprovalView>();
  const [step, setStep] = useState<Step>('loading');
  const [problem, setProblem] = useState<string>();

  const [isInstead, setInstead] = useState(false);
  const load = async (next: ApprovalView | undefined, instead = false) => {
    setView(next);
    setInstead(instead);
    setStep(next ? 'asking' : 'gone');
  };
  useEffect(
    () =>
      void send('approval', { id: new URLSearchParams(location.search).get('id') ?? '-' }).then(
        (found) => load(found),
        () => load(undefined),
      ),
    [],
  );
  const onEscape = useEscape();
  const [since, setSince] = useState(0);
  const [sent, setSent] = useState<MessageInput<'approve'>>();
  useReminder(step === 'paying' ? sent : undefined);
  useFollow({ view, step, since, setStep, setProblem, load });

  if (step === 'loading') return <div class="popup" />;
  if (!view || step === 'gone') return <Closed problem={problem} tabId={view?.tabId} />;
  return (
    <Ask
      key={view.id}
      view={view}
      step={step}
      problem={problem}
      isInstead={isInstead}
      onEscape={onEscape}
      pay={(yes) => {
        setProblem(undefined);
        setStep('paying');
        setSince(Date.now());
        setSent(yes);
        send('approve', yes).catch((error) => {
          setProblem(error instanceof Refused ? error.code : 'storage-fault');
          setStep('asking');
        });
      }}
    />
  );
}

type AskProps = {
  readonly view: ApprovalView;
  readonly step: Step;
  readonly problem: string | undefined;
  readonly isInstead: boolean;
  readonly onEscape: { current: () => void };
  readonly pay: (yes: MessageInput<'approve'>) => void;
};

function Ask({ view, step, problem, isInstead, onEscape, pay }: AskProps) {
  const next = useNextRule(view);
  const { offer, id } = view;
  // A stream costs no more in all than a page may: the limit that is shown.
  const mostMicro = offer.stream ? next.rule.perPageMicro : offer.amountMicro;
  const yes = () =>
    pay({
      id,
      challengeId: offer.challengeId,
      maxMicro: String(mostMicro),
      ...(next.changed ? { rule: toWire(next.rule) } : {}),
    });
  const notNow = () =>
    void send('decline', { id, ...(next.rule.mode === 'never' ? { never: true } : {}) }).finally(() => window.close());
  onEscape.current = step === 'asking' ? notNow : () => window.close();
  return (
    <div class="popup">
      <Head view={view} />
      <main class="m">
        <Title>{t(offer.stream ? 'approve_stream_title' : 'approve_title')}</Title>
        {problem !== undefined && <Problem code={problem} />}
        {isInstead && step === 'asking' && <p role="status">{t('approve_instead')}</p>}
        <Over view={view} />
        <Question view={view} mostMicro={mostMicro} />
        <NextTime view={view} next={next} />
      </main>
      <footer class="foot">
        {step === 'asking' && (
          <Button kind="quiet" onPress={notNow}>
            {t('not_now')}
          </Button>
        )}
        <PayButton view={view} step={step} mostMicro={mostMicro} pay={yes} />
      </footer>
    </div>
  );
}

function Closed({ problem, tabId }: { problem: string | undefined; tabId: number | undefined }) {
  return (
    <div class="popup">
      <main class="m">
        <Title>{t('approve_gone')}</Title>
        {problem === undefined && <p>{t('approve_gone_text')}</p>}
        {problem === 'wallet-locked' && <Unlock unlocked={() => void askAgain(tabId)} />}
        {problem !== undefined && problem !== 'wallet-locked' && <Problem code={problem} />}
        <Button onPress={() => window.close()}>{t('close')}</Button>
      </main>
    </div>
  );
}

/** The page is loaded again, and asks again. */
async function askAgain(tabId: number | undefined): Promise<void> {
  if (tabId !== undefined) await send('retry', { tabId });
  window.close();
}

function Head({ view }: { view: ApprovalView }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const { expiresAtMs, broker } = view.offer;
  return (
    <header>
      <Icon name="wallet" />
      <b class="s">{t('payment_request')}</b>
      {view.waiting > 1 && <Chip>{t('one_of', { count: view.waiting })}</Chip>}
      {broker.test && <Chip tone="warn">{t('test')}</Chip>}
      {isPrivate && <Chip>{t('private')}</Chip>}
      <span class="sp" />
      {expiresAtMs - now < HOUR_MS && (
        <span class="xs muted">{tx('expires_in', { time: <bdi dir="ltr">{countdown(expiresAtMs, now)}</bdi> })}</span>
      )}
    </header>
  );
}
