"use strict";
// The playground: a line is sent off, buttons are pressed, pictures come along. What is shown, the server draws.
(() => {
  const byId = (id) => document.getElementById(id);
  const composer = byId("composer");
  const room = document.querySelector(".room");
  const messages = byId("messages");
  const dialog = byId("dialog");
  const MOST_SHOWN = 60;

  // Times in the reader's own clock, and the newest message in sight unless somebody reads further up.

  function dress(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.dateTime);
      const today = moment.toDateString() === new Date().toDateString();
      time.textContent = moment.toLocaleString(document.documentElement.lang,
        today ? { timeStyle: "short" } : { dateStyle: "short", timeStyle: "short" });
    }
  }

  let follows = true;
  const down = () => { room.scrollTop = room.scrollHeight; };
  let before = 0;
  room.addEventListener("scroll", () => {
    // A picture that has just come makes the way down longer: only who goes up wants to stay there.
    if (room.scrollHeight - room.scrollTop - room.clientHeight < 160) follows = true;
    else if (room.scrollTop < before) follows = false;
    before = room.scrollTop;
  }, { passive: true });
  new ResizeObserver(() => { if (follows) down(); }).observe(messages);
  document.addEventListener("piece", (event) => {
    dress(event.detail.element.parentElement ? event.detail.element : messages);
    while (messages.children.length > MOST_SHOWN) messages.firstElementChild.remove();
    if (follows) down();
    // Whoever pressed something further up is shown what it was answered with.
    else if (event.detail.isNew && event.detail.element.matches(".own")) event.detail.element.scrollIntoView({ block: "nearest" });
  });
  dress(messages);
  down();

  if (!composer) return;
  const line = byId("line");
  const list = byId("suggestions");
  const chips = byId("chips");
  const files = byId("files");
  const told = composer.dataset;
  const nonce = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");

  // Sending

  const history = [];
  let recalled = 0;
  let sending = null; // what was sent off and not answered yet is sent once more under the same number
  let pictures = []; // { file } or { use }, with the address of a small one

  async function send() {
    const words = line.value.trim();
    if (!words && !pictures.length) { line.focus(); return; }
    const form = new FormData();
    if (!sending || sending.words !== words) sending = { words, nonce: nonce() };
    form.append("line", words);
    form.append("nonce", sending.nonce);
    for (const picture of pictures) {
      if (picture.file) form.append("image", picture.file, picture.file.name || "picture");
      else form.append("use", picture.use);
    }
    byId("send").setAttribute("aria-busy", "true");
    live.say(told.busy);
    follows = true;
    const answer = await live.post(told.say, form);
    byId("send").removeAttribute("aria-busy");
    if (!answer) return;
    sending = null;
    if (answer.done) byId("welcome").hidden = true;
    if (answer.done && line.value.trim() === words) {
      if (words) { history.push(words); recalled = history.length; }
      line.value = "";
      readOptions();
      keep([]);
    }
    carryOut(answer);
  }

  function carryOut(answer) {
    if (!answer) return;
    if (answer.say) live.say(answer.say);
    if (answer.download) {
      const link = document.createElement("a");
      link.href = answer.download;
      link.download = "";
      link.click();
    }
    if (answer.form) {
      dialog.innerHTML = answer.form; // drawn by our own server, where every text is escaped
      dialog.showModal();
    }
  }

  composer.addEventListener("submit", (event) => { event.preventDefault(); close(); send(); });

  async function press(button) {
    if (button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    const on = button.closest(".message");
    follows = follows || on === messages.lastElementChild;
    carryOut(await live.post(told.press, { action: button.dataset.act, on: on ? on.id : "", nonce: nonce() }));
    button.removeAttribute("aria-busy");
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.act) press(button);
    else if (button.dataset.dismiss) {
      live.post(told.dismiss, { message: button.dataset.dismiss });
      line.focus();
    } else if (button.dataset.example) {
      line.value = button.dataset.example;
      readOptions();
      line.focus();
    } else if (button.dataset.use) {
      keep([...pictures, { use: button.dataset.use, src: button.dataset.from }]);
      line.focus();
    } else if ("close" in button.dataset) dialog.close();
    else if (button.dataset.drop) {
      keep(pictures.filter((_, index) => String(index) !== button.dataset.drop));
      line.focus();
    }
  });

  dialog.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    form.append("nonce", nonce());
    dialog.close();
    follows = true;
    carryOut(await live.post(told.fill, form));
  });

  // Pictures to begin with

  function keep(wanted) {
    if (wanted.length > Number(told.mostPictures)) live.say(told.tooMany);
    const fitting = wanted.slice(0, Number(told.mostPictures));
    for (const old of pictures) if (old.file && !fitting.includes(old)) URL.revokeObjectURL(old.src);
    pictures = fitting;
    chips.replaceChildren(...pictures.map((picture, index) => {
      const chip = document.createElement("li");
      const image = document.createElement("img");
      image.src = picture.src;
      image.alt = picture.file ? picture.file.name : "";
      const away = document.createElement("button");
      away.type = "button";
      away.dataset.drop = index;
      away.textContent = "×";
      away.setAttribute("aria-label", told.remove);
      chip.append(image, away);
      return chip;
    }));
    chips.hidden = !pictures.length;
  }

  function take(found) {
    const fitting = [...found].filter((file) => {
      if (file.size <= Number(told.mostBytes)) return true;
      live.say(told.tooLarge);
      return false;
    });
    keep([...pictures, ...fitting.map((file) => ({ file, src: URL.createObjectURL(file) }))]);
  }

  byId("attach").addEventListener("click", () => files.click());
  files.addEventListener("change", () => { take(files.files); files.value = ""; line.focus(); });
  line.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) { event.preventDefault(); take(event.clipboardData.files); }
  });
  const OURS = "application/x-fairbrush";
  document.addEventListener("dragstart", (event) => {
    const image = event.target.closest ? event.target.closest("img[data-use], a") : null;
    const ours = image && (image.matches("img") ? image : image.querySelector("img[data-use]"));
    if (ours) event.dataTransfer.setData(OURS, JSON.stringify([ours.dataset.use, ours.getAttribute("src")]));
  });
  const brings = (event) => [...event.dataTransfer.types].some((type) => type === "Files" || type === OURS);
  document.addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    composer.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) composer.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    composer.classList.remove("over");
    if (!brings(event)) return;
    event.preventDefault();
    const ours = event.dataTransfer.getData(OURS);
    if (ours) {
      const [use, src] = JSON.parse(ours);
      keep([...pictures, { use, src }]);
    } else take(event.dataTransfer.files);
    line.focus();
  });

  // Options: a form that writes flags, and reads them

  const flags = [...composer.querySelectorAll("[data-flag]")];
  const written = (flag) => new RegExp(`\\s*(?:--|—)${flag}(?:[ =]("[^"]*"|[^\\s-]\\S*|-\\d+))?(?=\\s|$)`);

  function readOptions() {
    for (const field of flags) {
      const found = line.value.match(written(field.dataset.flag));
      if (field.type === "checkbox") field.checked = Boolean(found);
      else field.value = found && found[1] ? found[1].replace(/^"|"$/g, "") : "";
    }
  }

  for (const field of flags) {
    field.addEventListener("change", () => {
      const flag = field.dataset.flag;
      const value = field.type === "checkbox" ? field.checked : field.value.trim();
      const bare = line.value.replace(field.type === "checkbox" ? /\s*(?:--|—)private(?=\s|$)/ : written(flag), "");
      const shown = value === true ? ` --${flag}` : value ? ` --${flag} ${/\s/.test(value) ? `"${value}"` : value}` : "";
      line.value = (bare.trimEnd() + shown).trimStart();
    });
  }

  // Suggestions while typing

  let offered = { start: 0, end: 0, items: [] };
  let chosen = -1;
  let asked = 0;
  let timer = 0;

  function close() {
    clearTimeout(timer);
    asked += 1;
    hide();
  }

  function hide() {
    list.hidden = true;
    chosen = -1;
    line.setAttribute("aria-expanded", "false");
    line.removeAttribute("aria-activedescendant");
  }

  function mark(index) {
    const items = list.children;
    if (items[chosen]) items[chosen].setAttribute("aria-selected", "false");
    chosen = (index + items.length) % items.length;
    items[chosen].setAttribute("aria-selected", "true");
    items[chosen].scrollIntoView({ block: "nearest" });
    line.setAttribute("aria-activedescendant", items[chosen].id);
  }

  function use(index) {
    const item = offered.items[index];
    line.setRangeText(item.value, offered.start, offered.end, "end");
    close();
    readOptions();
    line.focus();
    if (!item.value.endsWith(" ") || item.value.startsWith("/")) suggest();
    else ask();
  }

  async function suggest() {
    const mine = (asked += 1);
    const at = line.selectionStart;
    const glue = told.suggest.includes("?") ? "&" : "?";
    let found = null;
    try {
      const answer = await fetch(`${told.suggest}${glue}line=${encodeURIComponent(line.value)}&at=${at}`);
      if (answer.ok) found = await answer.json();
    } catch { /* the next letter asks again */ }
    if (mine !== asked || !found) return;
    offered = found;
    if (!found.items.length) { hide(); return; } // what was typed since is about to be asked for
    list.replaceChildren(...found.items.map((item, index) => {
      const entry = document.createElement("li");
      entry.id = `suggestion-${index}`;
      entry.role = "option";
      entry.setAttribute("aria-selected", "false");
      const name = document.createElement("b");
      name.textContent = item.label;
      entry.append(name);
      if (item.hint) {
        const hint = document.createElement("span");
        hint.textContent = item.hint;
        entry.append(hint);
      }
      entry.addEventListener("mousedown", (event) => { event.preventDefault(); use(index); });
      return entry;
    }));
    chosen = -1;
    if (list.hidden) live.say(told.suggested);
    list.hidden = false;
    line.setAttribute("aria-expanded", "true");
  }

  // Only commands and flags are suggested: plain words need nobody's advice.
  function ask() {
    clearTimeout(timer);
    const before = line.value.slice(0, line.selectionStart);
    if (!/^\s*\/|(?:--|—)[\w-]*(?:[ =]\S*)?$/.test(before)) { close(); return; }
    timer = setTimeout(suggest, 80);
  }

  line.addEventListener("input", () => { readOptions(); ask(); });
  line.addEventListener("blur", () => setTimeout(() => { if (document.activeElement !== line) close(); }, 150));
  line.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const open = !list.hidden;
    if (event.key === "ArrowDown" && open) { event.preventDefault(); mark(chosen + 1); }
    else if (event.key === "ArrowUp" && open) { event.preventDefault(); mark(chosen < 0 ? -1 : chosen - 1); }
    else if (event.key === "Escape" && open) { event.preventDefault(); close(); }
    else if (event.key === "Tab" && open && !event.shiftKey) { event.preventDefault(); use(Math.max(chosen, 0)); }
    else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      if (open && chosen >= 0) use(chosen);
      else composer.requestSubmit();
    } else if (event.key === "ArrowUp" && !open && !line.value && history.length) {
      event.preventDefault();
      line.value = history[(recalled = Math.max(recalled - 1, 0))];
      readOptions();
    }
  });
  readOptions();
  // Where a keyboard is at hand; on a phone its own would cover half of the room.
  if (matchMedia("(pointer: fine)").matches) line.focus({ preventScroll: true });

  // Where the style sheet cannot let it grow.
  if (!CSS.supports("field-sizing", "content")) {
    line.addEventListener("input", () => {
      line.style.height = "auto";
      line.style.height = `${line.scrollHeight + 2}px`;
    });
  }
})();
