// What the browser remembers. Storage can be forbidden by the user's settings, and then even looking at it
// throws: the page works without, it only forgets.

function shelf(name) {
  const key = (word) => `imtw.${word}`;
  return {
    get(word) {
      try { return window[name].getItem(key(word)); } catch { return null; }
    },
    set(word, value) {
      try {
        if (value === null) window[name].removeItem(key(word));
        else window[name].setItem(key(word), value);
      } catch { /* forgotten */ }
    },
  };
}

/** Until the user clears it: the language. */
export const lasting = shelf('localStorage');

/** Until the tab closes: the token and the open chat. */
export const passing = shelf('sessionStorage');
