// Making elements. Text only ever becomes a text node, so nothing a stranger wrote can become markup.

const TINTS = 12; // .tint-0 to .tint-11 in style.css

export const $ = (id) => document.getElementById(id);

/** An element; PROPS are properties of it, CHILDREN elements or strings. */
export function make(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
}

function tintOf(id) {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return sum % TINTS;
}

// Two letters of a name of several words, one of any other, of whatever script; the first sign of a name without any.
function initialsOf(name) {
  const letters = name.match(/(?<![\p{L}\p{N}])[\p{L}\p{N}]/gu) ?? [...name].slice(0, 1);
  return letters.slice(0, 2).join('').toUpperCase() || '?';
}

/** Turn NODE into the avatar of the user or group ID. Pictures from elsewhere would tell their server who looks. */
export function paintAvatar(node, id, name, isGroup = false) {
  node.className = `avatar tint-${tintOf(id)}${isGroup ? ' group' : ''}`;
  node.textContent = isGroup ? '#' : initialsOf(name);
  return node;
}

const LINK = /https?:\/\/[^\s<>"'，。、！？；：）】》]+[^\s<>"'，。、！？；：）】》.,!?;:)\]]/giu;

/** TEXT as nodes: addresses of the web become links, all else is text. */
export function linked(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    nodes.push(text.slice(end, match.index));
    nodes.push(make('a', { href: match[0], target: '_blank', rel: 'noopener noreferrer nofollow' }, match[0]));
    end = match.index + match[0].length;
  }
  return [...nodes, text.slice(end)];
}

const nodesOf = new WeakMap();

/**
 * Make the children of PARENT show ITEMS ({key, look, ...}) in their order. A node stays the same one for the same key
 * (focus and selection survive), and is filled again only when its look, a string, has changed.
 */
export function showList(parent, items, create, fill) {
  const before = nodesOf.get(parent) ?? new Map();
  const after = new Map();
  const focused = document.activeElement;
  let place = parent.firstChild;
  for (const item of items) {
    const node = before.get(item.key) ?? create(item);
    if (node.look !== item.look) {
      node.look = item.look;
      fill(node, item);
    }
    after.set(item.key, node);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
  for (const [key, node] of before) if (!after.has(key)) node.remove();
  nodesOf.set(parent, after);
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus(); // it was moved
}
