import { Popup } from '../screens/popup.tsx';
import { start } from '../ui/start.tsx';

void start('ext_name', () => <Popup />);
