// What a person can do here, and what becomes of what the server says. Views call these methods and read the state.

import { Chats, PAGE } from './chats.js';
import { Lost } from './connection.js';
import { Session } from './session.js';
import { passing } from './storage.js';
import { t } from './texts.js';
import * as wire from './wire.js';

const { CODE, COMMAND } = wire;
const LOBBY = '100';
const FRESH = 60_000; // ms after which a conversation opened again is read again: we may have written from elsewhere
const USERS_EVERY = 60_000; // ms; busy groups get no notices of who comes and goes
const USERS_SOON = 1_000; // ms to wait for more notices before asking who is online
const CONFIRM_AFTER = 1_000; // ms
const TYPING_EVERY = 3_000; // ms
const NOTICE_FOR = 5_000; // ms

export class Client {
  session = new Session({
    onState: () => this.#stateChanged(), onOnline: () => this.#cameOnline(), onPush: (frame) => this.#pushed(frame),
  });
  chats = new Chats('');
  current = null; // the open conversation
  notice = '';
  #changed;
  #usersTimer;
  #noticeTimer;
  #typingSent = 0;
  #got = new Map(); // what is to be confirmed, by conversation

  /** changed() asks for a rendering soon, changed(true) for one at once. */
  constructor(changed) {
    this.#changed = changed;
    document.addEventListener('visibilitychange', () => this.#look());
    setInterval(() => { if (!document.hidden) this.refreshUsers(); }, USERS_EVERY);
  }

  titleOf(chat) {
    if (chat.kind === 'user') return this.chats.nameOf(chat.id);
    const name = this.chats.groupName(chat.id);
    // The lobby's usual name is Chinese; an operator's own name for it stays as it is.
    return chat.id === LOBBY && name === 'J-IM朋友圈' ? t('lobby') : name;
  }

  open(chat) {
    if (this.current) this.current.firstUnread = null;
    this.current = chat;
    chat.shown = PAGE;
    passing.set('chat', chat.key);
    this.#look();
    if (Date.now() - chat.loadedAt > FRESH) this.#loadNewest(chat);
    this.#changed(true); // at once: what is typed next belongs to this one
  }

  close() {
    this.current = null;
    this.#changed(true);
  }

  send(chat, content) {
    chat.firstUnread = null;
    this.#typingSent = 0; // the next text is told of at once
    this.#deliver(chat, this.chats.write(chat, content));
  }

  retry(chat, message) {
    this.#deliver(chat, message);
  }

  async recall(chat, message) {
    const reply = await this.#ask(wire.recall(chat, message.id), COMMAND.recallReply);
    if (wire.isOk(reply)) this.chats.takeBack(chat, message);
    else this.say(t('recallFailed'));
    this.#changed();
  }

  typing() {
    if (!this.current || this.session.state !== 'online' || Date.now() - this.#typingSent < TYPING_EVERY) return;
    this.#typingSent = Date.now();
    this.session.tell(wire.typing(this.current));
  }

  async join(id) {
    const reply = await this.#ask(wire.join(id), COMMAND.joinReply);
    if (reply?.code !== CODE.joinOk) {
      this.say(t('joinFailed', id, reply?.data?.result));
      return;
    }
    if (!this.chats.groups.has(id)) this.chats.groups.set(id, { id, name: id, online: new Set([this.chats.me]) });
    this.refreshUsers();
    this.open(this.chats.of('group', id));
    this.say(t('joined', id));
  }

  async leave(chat) {
    const name = this.titleOf(chat);
    const reply = await this.#ask(wire.leave(chat.id), COMMAND.leave);
    if (!wire.isOk(reply)) {
      this.say(t('leaveFailed', name));
      return;
    }
    this.chats.groups.delete(chat.id);
    this.chats.all.delete(chat.key);
    this.close();
    this.say(t('left', name));
  }

  /** More of the past: what is in memory first, then what the server has. */
  async loadEarlier() {
    const chat = this.current;
    if (chat.shown < chat.messages.length) {
      chat.shown += PAGE;
    } else if (!chat.loading) {
      chat.loading = true;
      this.#changed();
      const question = wire.history(this.chats.me, chat, this.chats.earliest(chat));
      const reply = await this.#ask(question, COMMAND.messagesReply);
      chat.loading = false;
      if (reply) this.chats.takeEarlier(chat, bodiesOf(reply));
      else this.say(t('loadFailed'));
    }
    this.#changed();
  }

  async refreshUsers(all = false) {
    const { me } = this.chats;
    const reply = await this.#ask(all ? wire.allUsers(me) : wire.onlineUsers(me), COMMAND.usersReply);
    if (!reply?.data) return;
    this.chats.takeUsers(reply.data, all);
    if (this.current?.kind === 'group' && !this.chats.groups.has(this.current.id)) {
      this.current = null; // we left it elsewhere
    }
    this.#changed();
  }

  say(text) {
    this.notice = text;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => this.say(''), NOTICE_FOR);
    this.#changed();
  }

  // The answer, or null if there is none: for everything but messages the user can simply try again.
  #ask(frame, reply) {
    return this.session.ask(frame, reply).catch(() => null);
  }

  #stateChanged() {
    if (this.session.state === 'out' && this.session.reason === '') { // signed out: leave nothing for who comes next
      this.#startAnew('');
      passing.set('chat', null);
    }
    this.#changed();
  }

  #startAnew(me) {
    this.chats = new Chats(me);
    this.current = null;
  }

  async #cameOnline() {
    const { me } = this.session;
    if (this.chats.me !== me) this.#startAnew(me);
    for (const chat of this.chats.all.values()) chat.loadedAt = 0; // we may have missed something
    // What was written meanwhile goes first; the server drops what it already has.
    for (const chat of this.chats.all.values()) {
      chat.messages.filter((message) => message.state === 'sending').forEach((message) => this.#deliver(chat, message));
    }
    // All asked at once, answered in this order.
    const users = this.refreshUsers();
    this.refreshUsers(true);
    this.#loadPending();
    if (this.current) this.#loadNewest(this.current);
    await users;
    if (!this.current) this.open(this.#firstChat());
  }

  // The one open before a reload; else the lobby, where somebody new finds the others.
  #firstChat() {
    const [, kind, id] = /^(group|user):(.*)$/s.exec(passing.get('chat') ?? '') ?? [];
    if (kind === 'user' || (kind && this.chats.groups.has(id))) return this.chats.of(kind, id);
    return this.chats.of('group', this.chats.groups.has(LOBBY) ? LOBBY : [...this.chats.groups.keys()][0] ?? LOBBY);
  }

  async #loadPending() {
    const reply = await this.#ask(wire.pending(this.chats.me), COMMAND.messagesReply);
    const waiting = [...Object.values(reply?.data?.friends ?? {}), ...Object.values(reply?.data?.groups ?? {})];
    for (const body of waiting.flat()) this.#arrived(body);
    this.#changed();
  }

  async #loadNewest(chat) {
    chat.loadedAt = Date.now();
    const seen = [...chat.messages];
    const reply = await this.#ask(wire.history(this.chats.me, chat), COMMAND.messagesReply);
    if (reply && reply.code !== CODE.noMessages) this.chats.takeNewest(chat, bodiesOf(reply), seen);
    else if (reply) chat.ended = true; // a server that keeps nothing: what we have is all there is
    else chat.loadedAt = 0;
    this.#changed();
  }

  async #deliver(chat, message) {
    message.state = 'sending';
    this.#changed();
    try {
      const { code } = await this.session.ask(wire.chat(chat, message), COMMAND.chatReply);
      message.state = { [CODE.ok]: '', [CODE.recipientOffline]: 'kept' }[code] ?? 'failed';
    } catch (error) {
      if (!(error instanceof Lost)) message.state = 'failed'; // lost: sent again when we are back
    }
    this.#changed();
  }

  /** Tell the server, once a second, how far this device has got: it need not send that again. */
  #confirm(body) {
    if (!Number.isInteger(body.seq)) return;
    const place = wire.placeFor(body, this.chats.me);
    const key = JSON.stringify(place);
    if (this.#got.size === 0) {
      setTimeout(() => {
        for (const one of this.#got.values()) {
          // lost: told again after the next login, when it comes again
          this.session.ask(wire.received(one.place, one.seq), COMMAND.received).catch(() => {});
        }
        this.#got.clear();
      }, CONFIRM_AFTER);
    }
    this.#got.set(key, { place, seq: Math.max(body.seq, this.#got.get(key)?.seq ?? 0) });
  }

  #pushed(frame) {
    const { data } = frame;
    if (data === null || typeof data !== 'object') return;
    if (frame.command === COMMAND.chat) {
      this.#arrived(data);
      this.#confirm(data);
    }
    if (frame.command === COMMAND.recallReply) this.chats.hearRecall(data);
    if (frame.command === COMMAND.typing) setTimeout(() => this.#changed(), this.chats.hearTyping(data) ?? 0);
    if (frame.command === COMMAND.joined) {
      this.chats.meet(data.user, true);
      this.chats.groups.get(data.group)?.online.add(data.user?.id);
      if (data.user?.id === this.chats.me && !this.chats.groups.has(data.group)) {
        this.#usersChanged(); // joined elsewhere
      }
    }
    if (frame.command === COMMAND.left) this.#usersChanged(); // one connection left; the user may have another
    this.#changed();
  }

  #usersChanged() {
    this.#usersTimer ??= setTimeout(() => {
      this.#usersTimer = undefined;
      this.refreshUsers();
    }, USERS_SOON);
  }

  #arrived(body) {
    const chat = this.chats.receive(body);
    const isRead = body.from === this.chats.me || (chat === this.current && !document.hidden);
    if (chat && !isRead) this.chats.markUnread(chat);
  }

  // Looking at a conversation reads it.
  #look() {
    if (!this.current || document.hidden) return;
    this.current.unread = 0;
    this.#changed();
  }
}

// Everything in a history answer is of the one conversation it was asked for; no data: nothing in that range.
function bodiesOf(reply) {
  return [...Object.values(reply.data?.friends ?? {}), ...Object.values(reply.data?.groups ?? {})].flat();
}
