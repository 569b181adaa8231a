"use strict";
// A button copies a part of the page as it is written, for a word processor.
(() => {
  for (const button of document.querySelectorAll("button[data-copy]"))
    button.addEventListener("click", () => {
      const part = document.querySelector(button.dataset.copy);
      document.addEventListener("copy", (event) => {
        event.preventDefault();
        event.clipboardData.setData("text/html", part.innerHTML);
        event.clipboardData.setData("text/plain", part.innerText);
      }, {once: true});
      const done = document.execCommand("copy");
      button.nextElementSibling.textContent = done ? "copied" : "select it and copy by keyboard";
    });
})();
