// A gift is made: coins of an exact amount, as text and as a picture.
import { limits } from '@farthing/protocol';
import { send, snapshot } from '../../ui/client.ts';
import { useKept } from '../../ui/kept.ts';
import { BackLink, Field, Title } from '../../ui/parts.tsx';
import { go, link } from '../../ui/router.ts';
import { t } from '../../ui/t.ts';
import { useTask } from '../../ui/task.ts';
import { Trouble } from '../unlock.tsx';
import { AmountForm } from './amount-form.tsx';

export function Give() {
  const { balance } = snapshot.value;
  const memo = useKept('memo', '');
  const task = useTask();
  const [broker] = balance?.brokers ?? [];
  if (!balance || !broker) return <Title>{t('give')}</Title>;
  const words = memo.text.trim();
  return (
    <>
      <BackLink href={link('coins')} />
      <Title>{t('give_title')}</Title>
      <Trouble task={task} />
      <AmountForm
        currency={balance.currency}
        mostMicro={broker.cashMicro}
        busy={task.busy}
        label={t('give_label')}
        submit={t(task.busy ? 'giving' : 'give_make')}
        onSubmit={(amountMicro, typed) =>
          task.run(async () => {
            const made = await send('give', {
              amountMicro: String(amountMicro),
              ...(words === '' ? {} : { memo: words }),
            });
            typed.drop();
            memo.drop();
            go('gift', made.id);
          })
        }
      >
        <Field label={t('memo')} value={memo.text} onInput={memo.type} longest={limits.memoBytes} />
      </AmountForm>
      <p class="muted s">{t('give_text')}</p>
    </>
  );
}
