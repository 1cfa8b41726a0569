import { Goods } from '../screens/goods/goods.tsx';
import { start } from '../ui/start.tsx';

void start('goods_title', () => <Goods />);
