// Where messages are written. Each conversation keeps its own unfinished text.

import { $ } from './elements.js';

const MOST_ROWS = 7;

export class Composer {
  #client;
  #chat = null;

  constructor(client) {
    this.#client = client;
    const box = $('composer');
    box.oninput = () => {
      if (this.#chat) this.#chat.draft = box.value;
      if (box.value.trim()) client.typing();
      this.#fit();
    };
    box.onkeydown = (event) => {
      // Enter also ends the choice of a character in a Chinese input method; 229 is how Safari says so.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#send();
    };
    $('composer-form').onsubmit = (event) => {
      event.preventDefault();
      this.#send();
      box.focus();
    };
  }

  render() {
    if (this.#client.current === this.#chat) return;
    this.#chat = this.#client.current;
    $('composer').value = this.#chat?.draft ?? '';
    this.#fit();
    // Writing comes next; on a phone that would raise the keyboard over what is to be read first.
    if (this.#chat && !matchMedia('(hover: none)').matches) $('composer').focus();
  }

  #send() {
    const content = $('composer').value.trim();
    if (!this.#chat || content === '') return;
    this.#client.send(this.#chat, content);
    this.#chat.draft = '';
    $('composer').value = '';
    this.#fit();
  }

  // Browsers that know field-sizing (see style.css) also count wrapped lines.
  #fit() {
    $('composer').rows = Math.min(MOST_ROWS, $('composer').value.split('\n').length);
    $('send-button').disabled = $('composer').value.trim() === '';
  }
}
