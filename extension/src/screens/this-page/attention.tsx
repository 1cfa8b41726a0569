// What else needs a person: other states of this page, little money left, money set aside for open payments.
import type { BrokerBalance } from '@farthing/wallet';
import { snapshot } from '../../ui/client.ts';
import { Money } from '../../ui/money.tsx';
import { Button } from '../../ui/parts.tsx';
import { link } from '../../ui/router.ts';
import { wordsCheckedAtMs } from '../../ui/settings.ts';
import { t, tx } from '../../ui/t.ts';
import type { Card, Facts } from './card.ts';
import { ActionLabel, type CardProps, CardText } from './state-card.tsx';

/** About 30 pages at a fraction of a cent. */
const LOW_MICRO = 50_000n;

type Props = { readonly cards: readonly Card[]; readonly facts: Facts; readonly act: CardProps['act'] };

export function Attention({ cards, facts, act }: Props) {
  const { balance } = snapshot.value;
  const low = balance !== undefined && balance.totalMicro < LOW_MICRO && !cards.some(({ state }) => state === 6);
  const heldMicro = (balance?.brokers ?? []).reduce((sum, broker) => sum + broker.heldMicro, 0n);
  // Demo money is no reason to bother anybody with words.
  const unsaved = wordsCheckedAtMs.value === undefined && (balance?.brokers ?? []).some(isRealCash);
  if (!balance || (cards.length === 0 && !low && heldMicro === 0n && !unsaved)) return null;
  const { currency, totalMicro } = balance;
  return (
    <section class="card stack">
      <h2>{t('attention')}</h2>
      {cards.map((card) => (
        <div class="row between" key={card.state}>
          <span class="s">
            <CardText card={card} facts={facts} />
          </span>
          {card.actions.slice(0, 1).map((name) => (
            <Button key={name} onPress={() => act(name)}>
              <ActionLabel name={name} view={facts.view} />
            </Button>
          ))}
        </div>
      ))}
      {low && (
        <div class="row between">
          <span class="s">{tx('attention_low', { amount: <Money amount={totalMicro} currency={currency} /> })}</span>
          <Button onPress={() => act('topUp')}>{t('action_top_up')}</Button>
        </div>
      )}
      {heldMicro > 0n && (
        <div class="row between">
          <span class="s">{tx('attention_held', { amount: <Money amount={heldMicro} currency={currency} /> })}</span>
          <a class="s" href={link('activity')}>
            {t('nav_activity')}
          </a>
        </div>
      )}
      {unsaved && (
        <div class="row between">
          <span class="s">{t('attention_words')}</span>
          <a class="s" href={link('phrase')}>
            {t('phrase')}
          </a>
        </div>
      )}
    </section>
  );
}

const isRealCash = ({ test, cashMicro }: BrokerBalance) => !test && cashMicro > 0n;
