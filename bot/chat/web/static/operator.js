"use strict";
// A workflow file may be dropped anywhere on the form; without this, it is chosen and sent like any other.
(() => {
  const form = document.getElementById("drop");
  const input = document.getElementById("workflow");
  const wrong = document.getElementById("drop-wrong");

  // The server says the same; here it is said before 50 MB have travelled.
  function reason(file) {
    if (!file.name.toLowerCase().endsWith(".json")) return form.dataset.noJson;
    return file.size > Number(form.dataset.most) ? form.dataset.tooLarge : "";
  }

  function check() {
    const words = input.files.length ? reason(input.files[0]) : "";
    wrong.textContent = words;
    wrong.hidden = !words;
    return !words;
  }

  input.addEventListener("change", check);
  form.addEventListener("submit", (event) => {
    if (!check()) event.preventDefault();
  });
  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    if (check()) form.requestSubmit();
  });
})();
