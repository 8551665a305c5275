/* Swagger UI puts a link into the button of each operation; the button does all of it, and a button holds no link. */
"use strict";

new MutationObserver(() => {
  document.querySelectorAll("button a[href]").forEach((link) => link.removeAttribute("href"));
}).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
