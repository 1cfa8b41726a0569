// The question "Pay for this page?": exact price, what follows from yes, and the rule for next time, on one screen.
// The main button arms only after the screen has been looked at for a moment, and takes real clicks alone.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { MessageInput } from '../messages.ts';
import { Refused, send, snapshot } from '../ui/client.ts';
import { countdown } from '../ui/dates.ts';
import { Icon } from '../ui/icons.tsx';
import { centsText, Money } from '../ui/money.tsx';
import { Avatar, Button, Chip, Host, Problem, says, Title } from '../ui/parts.tsx';
import { t, tx } from '../ui/t.ts';
import { Rate, units } from '../ui/units.tsx';
import type { ApprovalView } from '../view.ts';
import { NextTime, useNextRule } from './next-time.tsx';
import { toWire } from './rule-card.tsx';

const ARM_MS = 400;
const HOUR_MS = 3_600_000;
const CLOSE_MS = 900;
const PATIENCE_MS = 8_000;
const REMIND_MS = 1_500;
type Step = 'loading' | 'asking' | 'paying' | 'paid' | 'gone';

export function Approve() {
  const [view, setView] = useState<ApprovalView>();
  const [step, setStep] = useState<Step>('loading');
  const [problem, setProblem] = useState<string>();

  const load = async (next: ApprovalView | undefined) => {
    setView(next);
    setStep(next ? 'asking' : 'gone');
  };
  useEffect(
    () =>
      void send('approval', { id: new URLSearchParams(location.search).get('id') ?? '-' }).then(load, () =>
        load(undefined),
      ),
    [],
  );
  const onEscape = useEscape();
  const [since, setSince] = useState(0);
  const [sent, setSent] = useState<MessageInput<'approve'>>();
  useReminder(step === 'paying' ? sent : undefined);
  useFollow({ view, step, since, setStep, setProblem, load });

  if (step === 'loading') return <div class="popup" />;
  if (!view || step === 'gone') return <Closed />;
  return (
    <Ask
      key={view.id}
      view={view}
      step={step}
      problem={problem}
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
  readonly onEscape: { current: () => void };
  readonly pay: (yes: MessageInput<'approve'>) => void;
};

function Ask({ view, step, problem, onEscape, pay }: AskProps) {
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

/** Escape is Not now, wherever the focus is. */
function useEscape(): { current: () => void } {
  const act = useRef<() => void>(() => undefined);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => event.key === 'Escape' && event.isTrusted && act.current();
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }, []);
  return act;
}

type Follow = {
  view: ApprovalView | undefined;
  step: Step;
  /** When Pay was pressed: what the tab says of earlier payments is no answer. */
  since: number;
  setStep: (step: Step) => void;
  setProblem: (code: string) => void;
  load: (view: ApprovalView | undefined) => Promise<void>;
};

/** The worker says how it ended: paid closes this, a tab that went elsewhere makes the question void. */
function useFollow({ view, step, since, setStep, setProblem, load }: Follow): void {
  const tab = view && snapshot.value.tabs[String(view.tabId)];
  const state = tab?.state;
  useEffect(() => {
    if (!view || !tab) return;
    if (step === 'asking' && tab.state !== 'asking')
      void send('approval', { id: view.id }).then((open) => !open && setStep('gone'));
    const done = tab.state === 'paid' || tab.state === 'streaming';
    if (step === 'paying' && done && tab.atMs >= since) setStep('paid');
    if (step === 'paying' && tab.state === 'failed' && tab.atMs >= since) {
      setProblem(tab.reason ?? 'storage-fault');
      setStep('gone');
    }
  }, [state, tab?.atMs, step]);
  useEffect(() => {
    if (step !== 'paying') return;
    // The popup tells how slow payments end; this window need not wait for them.
    const timer = setTimeout(() => window.close(), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [step]);
  useEffect(() => {
    if (step !== 'paid') return;
    const timer = setTimeout(() => {
      void send('nextApproval', {}).then((next) => (next ? load(next) : window.close()));
    }, CLOSE_MS);
    return () => clearTimeout(timer);
  }, [step]);
}

/** A worker that dies may take the yes with it and answer nothing. The yes is said again: it counts once. */
function useReminder(yes: MessageInput<'approve'> | undefined): void {
  useEffect(() => {
    if (!yes) return;
    const timer = setInterval(() => void send('approve', yes).catch(() => undefined), REMIND_MS);
    return () => clearInterval(timer);
  }, [yes]);
}

function Closed() {
  return (
    <div class="popup">
      <main class="m">
        <Title>{t('approve_gone')}</Title>
        <p>{t('approve_gone_text')}</p>
        <Button onPress={() => window.close()}>{t('close')}</Button>
      </main>
    </div>
  );
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
      <span class="sp" />
      {expiresAtMs - now < HOUR_MS && (
        <span class="xs muted">{tx('expires_in', { time: <bdi dir="ltr">{countdown(expiresAtMs, now)}</bdi> })}</span>
      )}
    </header>
  );
}

function Question({ view: { site, url, title, offer }, mostMicro }: { view: ApprovalView; mostMicro: bigint }) {
  const other = new URL(url).origin !== site;
  return (
    <section class="card stack">
      <div class="row">
        <Avatar of={site} />
        <div class="grow">
          <b class="ell block" dir="ltr">
            <Host origin={site} />
          </b>
          <div class="muted s ell" dir="auto">
            {title ?? ''}
          </div>
        </div>
      </div>
      {other && <p class="s">{tx('approve_other', { site: <Host origin={new URL(url).origin} /> })}</p>}
      <Price offer={offer} mostMicro={mostMicro} />
      <dl class="kv s">
        <dt>{t('pay_with')}</dt>
        <dd>
          <bdi>{offer.broker.name}</bdi> · {says(offer.says.kind)}
        </dd>
        <dt>{t('balance_after')}</dt>
        <dd>
          <Money amount={offer.balanceAfterMicro} currency={offer.currency} />
        </dd>
        <dt>{t('site_learns')}</dt>
        <dd>{says(offer.says.siteLearns)}</dd>
        <dt>{t('broker_learns')}</dt>
        <dd>{says(offer.says.brokerLearns)}</dd>
      </dl>
      {offer.description !== undefined && (
        <details class="s">
          <summary>{t('site_says')}</summary>
          <bdi>{offer.description}</bdi>
        </details>
      )}
    </section>
  );
}

function Price({ offer, mostMicro }: { offer: ApprovalView['offer']; mostMicro: bigint }) {
  const { amountMicro, currency, unit, units: count = 1, stream } = offer;
  const cents = centsText(amountMicro);
  const rate = unit !== undefined && <Rate amount={amountMicro / BigInt(count)} currency={currency} unit={unit} />;
  return (
    <div>
      <Money amount={amountMicro} currency={currency} big />
      {unit !== undefined && (
        <div>
          {count > 1 && <>{units(unit, count)} · </>}
          {stream ? tx('at_most_for_this', { rate, limit: <Money amount={mostMicro} currency={currency} /> }) : rate}
        </div>
      )}
      {cents !== undefined && <div class="muted s">{tx('of_a_cent', { cents: <bdi dir="ltr">{cents}</bdi> })}</div>}
    </div>
  );
}

/** Why a site with a rule asks all the same. */
function Over({ view: { reason, rule, offer } }: { view: ApprovalView }) {
  const { currency, amountMicro } = offer;
  const price = <Money amount={amountMicro} currency={currency} />;
  if (!rule || (reason !== 'over-page-limit' && reason !== 'over-day-limit')) return null;
  const page = reason === 'over-page-limit';
  const limit = <Money amount={page ? rule.perPageMicro : rule.perDayMicro} currency={currency} />;
  return <p class="banner">{tx(page ? 'state_over_page' : 'state_over_day', { price, limit })}</p>;
}

type PayButtonProps = { view: ApprovalView; step: Step; mostMicro: bigint; pay: () => void };

function PayButton({ view: { id, offer }, step, mostMicro, pay }: PayButtonProps) {
  const armed = useArmed(`${id} ${offer.challengeId} ${mostMicro} ${step}`);
  const { currency, stream } = offer;
  const price = <Money amount={mostMicro} currency={currency} />;
  if (step === 'paid')
    return (
      <p class="btn grow done" role="status">
        ✓ {stream ? t('allowed') : tx('paid_amount', { price })}
      </p>
    );
  const label = stream ? tx('allow_up_to', { limit: price }) : tx('pay_amount', { price });
  const busy = stream ? t('allowing') : tx('paying_amount', { price });
  return (
    <button
      type="button"
      class="btn primary grow"
      aria-disabled={!armed || step !== 'asking'}
      onClick={(event) => armed && step === 'asking' && event.isTrusted && pay()}
    >
      <span>{step === 'paying' ? busy : label}</span>
    </button>
  );
}

/** True once this page has had the focus for a moment with the same question on it. */
function useArmed(question: string): boolean {
  const [armedFor, setArmedFor] = useState<string>();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      clearTimeout(timer);
      setArmedFor(undefined);
      if (document.hasFocus()) timer = setTimeout(() => setArmedFor(question), ARM_MS);
    };
    look();
    addEventListener('focus', look);
    addEventListener('blur', look);
    return () => {
      clearTimeout(timer);
      removeEventListener('focus', look);
      removeEventListener('blur', look);
    };
  }, [question]);
  return armedFor === question;
}
