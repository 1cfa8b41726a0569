import { Popup } from '../screens/popup.tsx';
import { listenForKeys } from '../ui/keyboard.ts';
import { start } from '../ui/start.tsx';

listenForKeys();
void start('ext_name', () => <Popup />);
