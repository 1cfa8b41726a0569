// A password for the wallet: set, changed, removed. What is typed is never kept.
import { useState } from 'preact/hooks';
import { send, snapshot } from '../ui/client.ts';
import { BackLink, Button, Field, Problem, Title } from '../ui/parts.tsx';
import { link } from '../ui/router.ts';
import { t } from '../ui/t.ts';
import { type Task, useTask } from '../ui/task.ts';

export function Password() {
  const isSet = snapshot.value.password?.set === true;
  const task = useTask();
  const [done, setDone] = useState<'saved' | 'password_removed'>();
  const save = (work: () => Promise<unknown>, said: typeof done) =>
    task.run(async () => {
      setDone(undefined);
      await work();
      setDone(said);
    });
  return (
    <>
      <BackLink href={link('settings')} />
      <Title>{t('password')}</Title>
      {task.problem !== undefined && <Problem code={task.problem} />}
      {done !== undefined && (
        <p class="ok" role="status">
          ✓ {t(done)}
        </p>
      )}
      <NewPassword key={String(isSet)} isSet={isSet} task={task} save={(work) => save(work, 'saved')} />
      {isSet && <Removal task={task} save={(work) => save(work, 'password_removed')} />}
      <p class="muted s">{t('password_text')}</p>
    </>
  );
}

type Save = { readonly task: Task; readonly save: (work: () => Promise<unknown>) => void };

function NewPassword({ isSet, task, save }: Save & { isSet: boolean }) {
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const [again, setAgain] = useState('');
  const differs = again !== '' && again !== to;
  return (
    <form
      class="card stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (task.busy || to === '' || again !== to) return;
        save(async () => {
          await (isSet ? send('changePassword', { from, to }) : send('setPassword', { password: to }));
          for (const clear of [setFrom, setTo, setAgain]) clear('');
        });
      }}
    >
      {isSet && <Field label={t('password_now')} kind="password" value={from} onInput={setFrom} />}
      <Field label={t('password_new')} kind="password" fresh value={to} onInput={setTo} />
      <Field
        label={t('password_again')}
        kind="password"
        fresh
        value={again}
        onInput={setAgain}
        error={differs ? t('password_differs') : undefined}
      />
      <button type="submit" class="btn primary" disabled={task.busy}>
        {t(isSet ? 'password_change' : 'password_set')}
      </button>
    </form>
  );
}

function Removal({ task, save }: Save) {
  const [typed, setTyped] = useState('');
  return (
    <section class="card stack">
      <Field label={t('password_now')} kind="password" value={typed} onInput={setTyped} />
      <Button
        kind="danger"
        busy={task.busy}
        onPress={() => save(() => send('removePassword', { password: typed }).then(() => setTyped('')))}
      >
        {t('password_remove')}
      </Button>
    </section>
  );
}
