// Who is signed in, and staying so: one connection after the other, with a token instead of the password.

import { Connection, Lost } from './connection.js';
import { passing } from './storage.js';
import { CODE, COMMAND, askToken, close, login, revoke } from './wire.js';

const FIRST_WAIT = 1_000; // ms before the second try; doubled for each further one
const LONGEST_WAIT = 30_000; // ms
const STABLE = 20_000; // ms online after which a loss counts as the first again

export class Session {
  state = 'out'; // out, connecting, waiting, online
  reason = ''; // why out: the name of a text
  retryAt = 0; // ms since 1970, while waiting
  me = '';
  #connection = null;
  #token = null; // {name, token, expires, renew}
  #tries = 0;
  #onlineSince = 0;
  #timer;
  #hooks;

  /** onState(), onOnline() after each login, onPush(frame). */
  constructor(hooks) {
    this.#hooks = hooks;
    window.addEventListener('online', () => this.retry());
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) return;
      if (this.state === 'online') this.#connection.check(); // a laptop that slept has a socket that only looks open
      this.retry();
    });
  }

  /** Can a lost connection be made again without asking for the password? */
  get lasting() {
    return this.#token !== null;
  }

  /** Go on with the session this tab had before it was reloaded, if it had one. */
  resume() {
    try { this.#token = JSON.parse(passing.get('token')); } catch { /* as if there were none */ }
    if (!this.#token) return this.#out('');
    this.me = this.#token.name;
    return this.#connectAgain();
  }

  login(name, password) {
    this.me = name;
    this.#connect({ password });
  }

  logout() {
    if (this.#token) this.tell(revoke(this.#token.token));
    this.tell(close());
    this.#forget();
    this.#out('');
  }

  /** Try at once instead of waiting for the next try. */
  retry() {
    if (this.state === 'waiting') this.#connectAgain();
  }

  tell(frame) {
    this.#connection?.tell(frame);
  }

  ask(frame, reply) {
    return this.state === 'online' ? this.#connection.ask(frame, reply) : Promise.reject(new Lost());
  }

  #connectAgain() {
    this.#connect({ token: this.#token.token });
  }

  #connect(secret) {
    clearTimeout(this.#timer);
    this.#connection?.close();
    this.#enter('connecting');
    const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`;
    const connection = new Connection(url, {
      onOpen: () => connection.ask(login(this.me, secret), COMMAND.loginReply)
        .then((reply) => this.#loggedIn(reply, secret), () => {}), // lost: onGone says so as well
      onPush: (frame) => this.#hooks.onPush(frame),
      onGone: () => this.#lost(),
    });
    this.#connection = connection;
  }

  #loggedIn(reply, secret) {
    if (reply.code !== CODE.loginOk) {
      this.#forget();
      this.#out(secret.token ? 'expired' : 'wrong');
      return;
    }
    this.#onlineSince = Date.now();
    this.#enter('online');
    this.#renewToken();
    this.#hooks.onOnline();
  }

  async #renewToken() {
    if (Date.now() < this.#token?.renew) return;
    const reply = await this.ask(askToken(), COMMAND.token).catch(() => null);
    if (!reply?.data?.token) return; // a server without tokens: the password is asked for at the next loss
    const { token, expires } = reply.data;
    const halfLife = (Number(expires) - Date.now()) / 2 || 0;
    this.#token = { name: this.me, token, renew: Date.now() + halfLife };
    passing.set('token', JSON.stringify(this.#token));
  }

  #lost() {
    if (this.state === 'connecting' && !this.#token) return this.#out('unreachable');
    if (!this.#token) return this.#out('again');
    if (this.state === 'online' && Date.now() - this.#onlineSince > STABLE) this.#tries = 0;
    // Not all at the same moment: a restarted server is met by every page it had.
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#tries) * (0.7 + 0.6 * Math.random());
    this.#tries += 1;
    this.retryAt = Date.now() + wait;
    this.#timer = setTimeout(() => this.retry(), wait);
    return this.#enter('waiting');
  }

  #forget() {
    this.#token = null;
    passing.set('token', null);
  }

  #out(reason) {
    clearTimeout(this.#timer);
    this.#connection?.close();
    this.#connection = null;
    this.#tries = 0;
    this.reason = reason;
    this.#enter('out');
  }

  #enter(state) {
    this.state = state;
    this.#hooks.onState();
  }
}
