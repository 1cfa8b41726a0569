// Money is asked for: a text with the amount, which only this wallet can take the answer to.
import { limits } from '@farthing/protocol';
import { send, snapshot } from '../../ui/client.ts';
import { useKept } from '../../ui/kept.ts';
import { BackLink, Field, Title } from '../../ui/parts.tsx';
import { go, link } from '../../ui/router.ts';
import { t } from '../../ui/t.ts';
import { useTask } from '../../ui/task.ts';
import { Trouble } from '../unlock.tsx';
import { AmountForm } from './amount-form.tsx';

export function Ask() {
  const { balance } = snapshot.value;
  const memo = useKept('memo', '');
  const task = useTask();
  if (!balance) return <Title>{t('ask_title')}</Title>;
  const words = memo.text.trim();
  return (
    <>
      <BackLink href={link('requests')} />
      <Title>{t('ask_title')}</Title>
      <Trouble task={task} />
      <AmountForm
        currency={balance.currency}
        busy={task.busy}
        label={t('ask_label')}
        submit={t('ask_make')}
        onSubmit={(amountMicro, typed) =>
          task.run(async () => {
            const made = await send('request', {
              amountMicro: String(amountMicro),
              ...(words === '' ? {} : { memo: words }),
            });
            typed.drop();
            memo.drop();
            go('request', made.id);
          })
        }
      >
        <Field label={t('ask_memo')} value={memo.text} onInput={memo.type} longest={limits.memoBytes} />
      </AmountForm>
      <p class="muted s">{t('ask_text')}</p>
    </>
  );
}
