// The first minute: demo money, the demo article, the first payment. No account, no address, no passcode before that.
import { useState } from 'preact/hooks';
import { Refused, send, snapshot } from '../ui/client.ts';
import { useKept } from '../ui/kept.ts';
import { Money } from '../ui/money.tsx';
import { Button, Chip, Field, Live, Problem, Title } from '../ui/parts.tsx';
import { type Key, t, tx } from '../ui/t.ts';
import { Access } from './settings.tsx';

const STEPS = ['welcome_step_money', 'welcome_step_article', 'welcome_step_pay'] as const satisfies readonly Key[];

export function Welcome() {
  const { ready, config, tabs } = snapshot.value;
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const paid = Object.values(tabs).some(({ state }) => state === 'paid');
  const at = paid ? 3 : ready ? 1 : 0;
  const run = (work: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(undefined);
    work()
      .catch((error) => setProblem(error instanceof Refused ? error.code : 'storage-fault'))
      .finally(() => setBusy(false));
  };
  return (
    <main class="welcome">
      <img src="icons/128.png" width="72" height="72" alt="" />
      <Title>{t('welcome_title')}</Title>
      <p class="lead muted">{t('welcome_text')}</p>
      <ol class="steps">
        {STEPS.map((step, index) => (
          <li key={step} {...(index === at ? { 'aria-current': 'step' as const } : {})}>
            <Chip tone={index < at ? 'ok' : 'plain'}>{index < at ? '✓' : (index + 1).toLocaleString()}</Chip> {t(step)}
          </li>
        ))}
      </ol>
      {problem !== undefined && <Problem code={problem} />}
      {!ready && config.broker !== undefined && (
        <Button kind="primary" busy={busy} onPress={() => run(() => send('start', {}))}>
          {t(busy ? 'welcome_making' : 'welcome_start')}
        </Button>
      )}
      {ready && <Ready />}
      <Live>{busy ? t('welcome_making') : ready ? t('welcome_ready') : ''}</Live>
      {!ready && (
        <p class="row wrap centre">
          <a href="popup.html#/receive">{t('receive_title')}</a>
          <a href="popup.html#/restore">{t('restore')}</a>
        </p>
      )}
      {!ready && <Connect busy={busy} run={run} open={config.broker === undefined} />}
      {paid && (
        <>
          <p>{t('welcome_next')}</p>
          <Access />
        </>
      )}
    </main>
  );
}

function Ready() {
  const { balance, config } = snapshot.value;
  return (
    <>
      {balance && (
        <p class="row centre">
          <Money amount={balance.totalMicro} currency={balance.currency} big />
          {balance.brokers[0]?.test && <Chip tone="warn">{t('test')}</Chip>}
        </p>
      )}
      <p class="muted">{tx('welcome_ready', {})}</p>
      {config.demoArticle !== undefined && (
        <Button kind="primary" onPress={() => void send('openDemo', {})}>
          {t('welcome_open')}
        </Button>
      )}
      <p class="muted s">{t('welcome_pin')}</p>
    </>
  );
}

function Connect({ busy, run, open }: { busy: boolean; run: (work: () => Promise<unknown>) => void; open: boolean }) {
  const url = useKept('broker', '');
  return (
    <details open={open || url.isDraft}>
      <summary>{t('connect_broker')}</summary>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          run(() => send('connectBroker', { url: url.text }));
        }}
      >
        <Field
          label={t('broker_address')}
          kind="url"
          value={url.text}
          onInput={url.type}
          hint="https://broker.example"
        />
        <button type="submit" class="btn" disabled={busy}>
          {t('connect')}
        </button>
      </form>
    </details>
  );
}
