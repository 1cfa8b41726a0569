// All the money: at each broker, as private coins, at sites, set aside for payments whose end is not known.
import type { BrokerBalance } from '@farthing/wallet';
import { snapshot } from '../ui/client.ts';
import { Money } from '../ui/money.tsx';
import { BackLink, Button, Chip, Title } from '../ui/parts.tsx';
import { go, link } from '../ui/router.ts';
import { t } from '../ui/t.ts';

export function MoneyScreen() {
  const { balance } = snapshot.value;
  return (
    <>
      <BackLink href={link('more')} />
      <Title>{t('money')}</Title>
      {balance && (
        <>
          <section class="card stack">
            <div>
              <div class="muted s">{t('balance')}</div>
              <Money amount={balance.totalMicro} currency={balance.currency} big />
            </div>
            <div class="row wrap">
              <Button kind="primary" wide onPress={() => go('top-up')}>
                {t('action_top_up')}
              </Button>
              <Button wide onPress={() => go('coins')}>
                {t('coins')}
              </Button>
            </div>
          </section>
          {balance.brokers.map((broker) => (
            <Broker key={`${broker.brk} ${broker.currency}`} broker={broker} />
          ))}
        </>
      )}
    </>
  );
}

function Broker({ broker }: { broker: BrokerBalance }) {
  const { name, url, test, currency, accountMicro, cashMicro, coinsMicro, heldMicro } = broker;
  return (
    <section class="card stack">
      <div class="row between">
        <h2 class="ell" dir="auto">
          {name}
        </h2>
        {test && <Chip tone="warn">{t('test')}</Chip>}
      </div>
      <Split parts={[accountMicro, cashMicro, coinsMicro]} />
      <dl class="kv s">
        <dt>
          <Dot part={0} /> {t('at_broker')}
        </dt>
        <dd>
          <Money amount={accountMicro} currency={currency} />
        </dd>
        <dt>
          <Dot part={1} /> {t('coins')}
        </dt>
        <dd>
          <Money amount={cashMicro} currency={currency} />
        </dd>
        <dt>
          <Dot part={2} /> {t('at_sites')}
        </dt>
        <dd>
          <Money amount={coinsMicro} currency={currency} />
        </dd>
        {heldMicro > 0n && (
          <>
            <dt>{t('set_aside')}</dt>
            <dd>
              <Money amount={heldMicro} currency={currency} />
            </dd>
          </>
        )}
        <dt>{t('address')}</dt>
        <dd>
          <bdi dir="ltr" class="break">
            {new URL(url).host}
          </bdi>
        </dd>
      </dl>
    </section>
  );
}

/** How the money is split: a picture of the rows below it. */
function Split({ parts }: { parts: readonly bigint[] }) {
  const sum = parts.reduce((total, part) => total + part, 0n);
  if (sum <= 0n) return null;
  const share = (part: bigint) => Number((part * 1000n) / sum) / 10;
  let at = 0;
  return (
    <div class="bar split">
      <svg width="100%" height="8" aria-hidden="true">
        {parts.map((part, index) => {
          const x = at;
          at += share(part);
          return <rect key={index} class={`part${index}`} x={`${x}%`} width={`${share(part)}%`} height="8" />;
        })}
      </svg>
    </div>
  );
}

function Dot({ part }: { part: number }) {
  return (
    <svg class="dot" width="10" height="10" aria-hidden="true">
      <circle class={`part${part}`} cx="5" cy="5" r="5" />
    </svg>
  );
}
