// The password of the wallet, asked for where it is needed: what stood still goes on by itself afterwards.
import { useState } from 'preact/hooks';
import { send } from '../ui/client.ts';
import { Field, Problem } from '../ui/parts.tsx';
import { t } from '../ui/t.ts';
import { type Task, useTask } from '../ui/task.ts';

export function Unlock({ unlocked }: { unlocked: () => void }) {
  const [password, setPassword] = useState('');
  const task = useTask();
  return (
    <form
      class="card stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (task.busy || password === '') return;
        task.run(async () => {
          await send('unlock', { password });
          setPassword('');
          unlocked();
        });
      }}
    >
      <p>{t('unlock_text')}</p>
      {task.problem !== undefined && <Problem code={task.problem} />}
      <Field label={t('password')} kind="password" value={password} onInput={setPassword} />
      <button type="submit" class="btn primary" disabled={task.busy}>
        {t(task.busy ? 'unlocking' : 'action_unlock')}
      </button>
    </form>
  );
}

/** What stood in the way of a task. If that is the lock, the password is asked for and the task begins again. */
export function Trouble({ task }: { task: Task }) {
  if (task.problem === undefined) return null;
  return task.problem === 'wallet-locked' ? <Unlock unlocked={task.again} /> : <Problem code={task.problem} />;
}
