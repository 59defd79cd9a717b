"use strict";
// Puts pieces of the page in place as they come. The body's element with data-live names the address.
const live = (() => {
  const byId = (id) => document.getElementById(id);
  const lost = byId("lost");
  let wait = 500;
  let socket = null;

  function put(piece) {
    const old = byId(piece.id);
    if (piece.say) say(piece.say);
    if (piece.where === "remove") {
      if (old) old.remove();
      return;
    }
    if (!old && !(piece.where === "append" && byId(piece.into))) return;
    const box = document.createElement("template");
    box.innerHTML = piece.html; // drawn by our own server, where every text is escaped
    const fresh = box.content.firstElementChild;
    if (!fresh) return;
    if (old) swap(old, fresh);
    else byId(piece.into).append(fresh);
    document.dispatchEvent(new CustomEvent("piece", { detail: { element: fresh, isNew: !old } }));
  }

  // Whoever is at a button with the keyboard stays there, what was opened stays open, what was typed stays.
  function swap(old, fresh) {
    const key = document.activeElement && old.contains(document.activeElement)
      ? document.activeElement.dataset.key : undefined;
    for (const opened of old.querySelectorAll("details[open][data-key]")) {
      const same = fresh.querySelector(`details[data-key="${CSS.escape(opened.dataset.key)}"]`);
      if (same) same.open = true;
    }
    for (const typed of old.querySelectorAll("input[data-key], textarea[data-key]")) {
      const same = fresh.querySelector(`[data-key="${CSS.escape(typed.dataset.key)}"]`);
      if (same && typed.value !== typed.defaultValue) same.value = typed.value;
    }
    for (const shown of old.querySelectorAll("img[data-key]")) {
      const same = fresh.querySelector(`img[data-key="${CSS.escape(shown.dataset.key)}"]`);
      if (same && same.src === shown.src) same.replaceWith(shown); // it does not flicker
    }
    // A picture that changes gives way once the new one is there, so that nothing jumps.
    for (const shown of old.querySelectorAll("img[data-smooth]")) {
      const next = fresh.querySelector("img[data-smooth]");
      if (!next || next.src === shown.src) continue;
      const loading = new Image();
      loading.src = next.src;
      next.replaceWith(shown);
      loading.decode().then(() => { shown.src = loading.src; }, () => {});
    }
    old.replaceWith(fresh);
    if (key !== undefined) {
      const same = fresh.dataset.key === key ? fresh : fresh.querySelector(`[data-key="${CSS.escape(key)}"]`);
      if (same) same.focus({ preventScroll: true });
    }
  }

  function say(words) {
    byId("said").textContent = words;
  }

  function open(path) {
    socket = new WebSocket(path.replace(/^/, location.origin.replace(/^http/, "ws")));
    socket.onopen = () => {
      wait = 500;
      lost.hidden = true;
      document.dispatchEvent(new CustomEvent("live"));
    };
    socket.onmessage = (event) => put(JSON.parse(event.data));
    socket.onclose = () => {
      lost.hidden = false;
      setTimeout(() => open(path), wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, 15000);
    };
  }

  // Posts a form's data or plain values; answers the response, or says why there is none.
  async function post(path, values) {
    const body = values instanceof FormData ? values : new URLSearchParams(values);
    const csrf = document.querySelector('meta[name="csrf"]').content;
    try {
      const answer = await fetch(path, {
        method: "POST",
        body,
        headers: { "X-Fairbrush-CSRF": csrf, Accept: "application/json" },
      });
      if (answer.headers.get("Content-Type")?.startsWith("application/json")) return await answer.json();
      say((await answer.text()).slice(0, 300));
    } catch {
      lost.hidden = false;
    }
    return null;
  }

  const at = document.querySelector("[data-live]");
  if (at) open(at.dataset.live);
  return { put, post, say };
})();
