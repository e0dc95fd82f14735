// One WebSocket, from open to gone: frames out, answers matched to questions, pushes handed on, a heartbeat.

import { CODE, COMMAND, heartbeat } from './wire.js';

const CONNECT_LIMIT = 10_000; // ms until the socket must be open
const HEARTBEAT_EVERY = 30_000; // ms
const HEARTBEAT_LIMIT = 10_000; // ms until a heartbeat must be answered
const OPTIONAL = [COMMAND.token, COMMAND.leave, COMMAND.recallReply]; // a server may know none of these

/** Why a question has no answer: the connection is gone, or the server went on to a later one. */
export class Lost extends Error {}
export class Unanswered extends Error {}

export class Connection {
  #socket;
  #questions = []; // asked and not answered; the server answers in this order
  #onPush;
  #onGone;
  #timers = [];
  #gone = false;

  constructor(url, { onOpen, onPush, onGone }) {
    this.#onPush = onPush;
    this.#onGone = onGone;
    this.#socket = new WebSocket(url);
    const tooLate = setTimeout(() => this.drop(), CONNECT_LIMIT);
    this.#timers.push(tooLate);
    this.#socket.onopen = () => {
      clearTimeout(tooLate);
      this.#timers.push(setInterval(() => this.check(), HEARTBEAT_EVERY));
      onOpen();
    };
    this.#socket.onmessage = (event) => this.#received(event.data);
    this.#socket.onclose = () => this.drop();
  }

  tell(frame) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  /** Send FRAME; the promise of the answer, which has the command REPLY. */
  ask(frame, reply) {
    if (this.#gone) return Promise.reject(new Lost());
    this.tell(frame);
    return new Promise((resolve, reject) => { this.#questions.push({ reply, resolve, reject }); });
  }

  /** Is the other end still there? If it does not say so in time, this connection is over. */
  check() {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    const tooLate = setTimeout(() => this.drop(), HEARTBEAT_LIMIT);
    this.#timers.push(tooLate);
    this.ask(heartbeat(), COMMAND.heartbeat).catch(() => {}).finally(() => {
      clearTimeout(tooLate);
      this.#timers.splice(this.#timers.indexOf(tooLate), 1);
    });
  }

  /** Over, now: a dead line would let the socket's own close event wait for minutes. */
  drop() {
    if (this.#gone) return;
    this.close();
    this.#onGone();
  }

  /** Over because we want it: nobody needs to be told. */
  close() {
    this.#gone = true;
    this.#timers.forEach(clearTimeout); // an interval's number is cleared by this as well
    this.#socket.onmessage = this.#socket.onclose = this.#socket.onopen = null;
    this.#socket.close();
    for (const question of this.#questions.splice(0)) question.reject(new Lost());
  }

  #received(data) {
    let frame;
    try { frame = JSON.parse(data); } catch { frame = null; }
    if (frame === null || typeof frame !== 'object') return console.warn('not a frame', data);
    // A push has no code; nor has the answer to a heartbeat.
    if (frame.code === undefined && frame.command !== COMMAND.heartbeat) return this.#onPush(frame);
    return this.#answered(frame);
  }

  #answered(frame) {
    let index = this.#questions.findIndex((question) => question.reply === frame.command);
    if (index < 0 && frame.code === CODE.unknownCommand && OPTIONAL.includes(this.#questions[0]?.reply)) index = 0;
    if (index < 0) return console.info('an answer to nothing', frame);
    const passed = this.#questions.splice(0, index + 1);
    const question = passed.pop();
    // Answers come in order, so what was asked before this one will never be answered.
    for (const { reject } of passed) reject(new Unanswered());
    return question.resolve(frame);
  }
}
