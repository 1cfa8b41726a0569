// The button that pays. It arms only after the screen has been looked at for a moment, and takes real clicks alone.
import { useEffect, useState } from 'preact/hooks';
import { Money } from '../../ui/money.tsx';
import { t, tx } from '../../ui/t.ts';
import type { ApprovalView } from '../../view.ts';
import type { Step } from './follow.ts';

const ARM_MS = 400;
type PayButtonProps = { view: Pick<ApprovalView, 'id' | 'offer'>; step: Step; mostMicro: bigint; pay: () => void };

export function PayButton({ view: { id, offer }, step, mostMicro, pay }: PayButtonProps) {
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
